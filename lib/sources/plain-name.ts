/** Longest name of a file, in UTF-16 units. */
const MAX_NAME_LENGTH = 255;

/** A name that somebody else gave, as the name of a document: without controls and slashes, no longer than names of files may be. */
export function plainName(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f-\x9f/\\]/g, '_')
    .slice(0, MAX_NAME_LENGTH)
    .toWellFormed();
}
