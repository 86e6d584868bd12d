import { textOfHtml } from './html-text.ts';

/** `On Mon, Oct 20, 2025 at 9:00 AM Dana <dana@…> wrote:` in the languages whose mail programs are common; maybe over two lines. */
const INTRODUCTION = /^(?:On|Am|Le|El)\s.{4,200}(?:wrote|schrieb(?:\s.{1,120})?|a écrit|escribió)\s?:$/;
const INTRODUCTION_START = /^(?:On|Am|Le|El)\s.{4,160}$/;

/** A line that only separates the new from the old. What is forwarded is new to its reader and stays. */
const ORIGINAL =
  /^[ >]*-{2,}\s?(?:Original Message|Ursprüngliche Nachricht|Original-Nachricht|Message d’origine)\s?-{2,}$/i;

/** Outlook puts the header of the answered message above it, without a mark. */
const OLD_HEADER = /^\*?(?:From|Von|De):\*?\s/;
const OLD_HEADER_DATE = /^\*?(?:Sent|Date|Gesendet|Envoyé|Enviado):\*?\s/;

/** Lines that end what a person wrote. Source of `-- `: RFC 3676, 4.3. */
const SIGNATURE = /^--\s?$/;
const DEVICE = /^(?:Sent from my |Get Outlook for |Von meinem .{1,40} gesendet)/;

/** A message's own words: plain text where there is one, else its HTML, without what it quotes and without a signature. */
export function messageText(text: string | null, body: string | null): string {
  if (text !== null) return withoutQuotes(text);
  if (body === null) return '';
  return withoutQuotes(/<[a-z!/][^<]*>|&[a-z#][\w]{1,30};/i.test(body) ? textOfHtml(body) : body);
}

/** Plain text without the history of the conversation and the signature. */
export function withoutQuotes(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const kept: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!.trim();
    if (SIGNATURE.test(line) || ORIGINAL.test(line) || isOldHeader(lines, index)) break;
    if (line.startsWith('>') || DEVICE.test(line)) continue;
    const introduced = introductionLength(lines, index);
    if (introduced === 0) {
      kept.push(lines[index]!.trimEnd());
      continue;
    }
    // Below a quote that is marked line by line an answer may follow; without marks all the rest is history.
    const next = lines.slice(index + introduced, index + introduced + 3).find((candidate) => candidate.trim() !== '');
    if (next?.trim().startsWith('>') !== true) break;
    index += introduced - 1;
  }
  return kept
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** How many lines introduce a quote: none, one or two. */
function introductionLength(lines: readonly string[], index: number): number {
  const line = lines[index]!.trim();
  if (INTRODUCTION.test(line)) return 1;
  const next = lines[index + 1]?.trim();
  if (next === undefined || next.length > 200 || !INTRODUCTION_START.test(line)) return 0;
  return INTRODUCTION.test(`${line} ${next}`) ? 2 : 0;
}

function isOldHeader(lines: readonly string[], index: number): boolean {
  if (!OLD_HEADER.test(lines[index]!.trim())) return false;
  return lines.slice(index + 1, index + 4).some((line) => OLD_HEADER_DATE.test(line.trim()));
}
