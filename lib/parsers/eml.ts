import PostalMime, { type Address } from 'postal-mime';
import { type Json, MEDIA_TYPES } from '../contracts/document.ts';
import type { Piece } from './elements.ts';
import { htmlPieces } from './html.ts';
import { defineParser, type FoundAttachment } from './index.ts';
import { paragraphs } from './text.ts';

/** Mail: header fields, then the plain body (the HTML one when there is no plain one); attachments are handed on. */
export default defineParser({
  name: 'eml',
  mediaTypes: [MEDIA_TYPES.eml],
  async parse({ bytes }) {
    const mail = await PostalMime.parse(bytes, { attachmentEncoding: 'arraybuffer' });
    const date = isoDate(mail.date);
    const fields: Record<string, string> = {
      from: addresses(mail.from === undefined ? [] : [mail.from]),
      to: addresses(mail.to ?? []),
      cc: addresses(mail.cc ?? []),
      subject: mail.subject ?? '',
      date,
    };
    const headers = Object.entries(fields)
      .filter(([, value]) => value !== '')
      .map(([name, value]): Piece => ({ kind: 'mail_header', text: `${HEADER_NAMES[name]}: ${value}` }));
    const plain = (mail.text ?? '').replaceAll('\r\n', '\n').trim();
    const body = plain === '' ? htmlPieces(mail.html ?? '') : paragraphs(plain);
    const metadata: Record<string, Json> = { message_id: mail.messageId ?? '', ...fields };
    for (const [name, value] of Object.entries(metadata)) if (value === '') delete metadata[name];
    return { pieces: [...headers, ...body], metadata, attachments: mail.attachments.map(toAttachment) };
  },
});

const HEADER_NAMES: Readonly<Record<string, string>> = {
  from: 'From',
  to: 'To',
  cc: 'Cc',
  subject: 'Subject',
  date: 'Date',
};

function addresses(list: readonly Address[]): string {
  return list
    .flatMap((entry) => entry.group ?? [entry])
    .map(({ name, address }) => (name === '' || name === address ? (address ?? '') : `${name} <${address}>`))
    .join(', ');
}

/** ISO 8601, or as the mail has it when that is no date. */
function isoDate(value: string | undefined): string {
  const date = new Date(value ?? '');
  return Number.isNaN(date.getTime()) ? (value ?? '') : date.toISOString();
}

function toAttachment(attachment: {
  readonly filename: string | null;
  readonly mimeType: string;
  readonly content: ArrayBuffer | Uint8Array | string;
}): FoundAttachment {
  const { content, filename, mimeType } = attachment;
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  return { name: filename ?? '', mediaType: mimeType === '' ? null : mimeType, bytes };
}
