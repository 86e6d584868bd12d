import { Parser } from 'htmlparser2';

/** Elements that end a line. */
const BLOCKS: ReadonlySet<string> = new Set(
  'address article aside br center dd div dl dt figcaption footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);

/** Elements whose content nobody reads. */
const UNSEEN: ReadonlySet<string> = new Set('head script style title template noscript svg object iframe'.split(' '));

/** What mail programs put around the message that is answered. */
const QUOTES =
  /(?:^|\s)(?:gmail_quote|gmail_extra|yahoo_quoted|moz-cite-prefix|front-blockquote|protonmail_quote)(?:\s|$)/;

/** From here on everything is history, outside of the element too. */
const HISTORY = /^(?:divRplyFwdMsg|appendonsend|x_divRplyFwdMsg)$/;

/** Levels that messages nest, and then some: what comes after more is not read, since the parser's time grows with their square. */
const MAX_DEPTH = 2_000;

/** How much is parsed before the depth is looked at. */
const SLICE_LENGTH = 16_384;

/**
 * What a person newly wrote in a message in HTML: a line for each block, without what it quotes. Reading ends where the elements
 * nest beyond all reason, so that its time grows with the text and no faster.
 */
export function textOfHtml(html: string): string {
  const parts: string[] = [];
  let depth = 0;
  let hiddenDepth = 0;
  let isHistory = false;
  const parser = new Parser({
    onopentag(name, attributes) {
      depth += 1;
      if (HISTORY.test(attributes['id'] ?? '')) isHistory = true;
      if (hiddenDepth > 0 || isHidden(name, attributes)) hiddenDepth += 1;
      else if (name === 'td' || name === 'th') parts.push(' ');
      else if (BLOCKS.has(name)) parts.push('\n');
    },
    onclosetag(name) {
      depth -= 1;
      if (hiddenDepth > 0) hiddenDepth -= 1;
      else if (BLOCKS.has(name) && name !== 'br') parts.push('\n');
    },
    ontext(text) {
      if (hiddenDepth === 0 && !isHistory) parts.push(text.replace(/\s+/g, ' '));
    },
  });
  for (let at = 0; at < html.length && depth <= MAX_DEPTH; at += SLICE_LENGTH) {
    parser.write(html.slice(at, at + SLICE_LENGTH));
  }
  parser.end();
  return parts
    .join('')
    .replace(/ {2,}/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function isHidden(name: string, attributes: Readonly<Record<string, string>>): boolean {
  if (UNSEEN.has(name) || name === 'blockquote' || QUOTES.test(attributes['class'] ?? '')) return true;
  return attributes['hidden'] !== undefined || /display\s*:\s*none/i.test(attributes['style'] ?? '');
}
