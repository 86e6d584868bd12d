import PostalMime, { type Address, type Attachment as MimeAttachment } from 'postal-mime';
import type { Json } from '../contracts/document.ts';
import { htmlElements } from './html.ts';
import { defineParser, type FoundAttachment, type LooseElement, parseError } from './parser.ts';
import { paragraphsOf } from './text.ts';

/** Mail: its header fields, then its body (plain text where there is one, else the HTML's text). Attachments are handed on. */
export default defineParser({
  name: 'eml',
  version: 1,
  async parse({ bytes }) {
    const mail = await new PostalMime({ attachmentEncoding: 'arraybuffer' }).parse(bytes);
    const fields: readonly [string, string][] = [
      ['From', addresses(mail.from === undefined ? [] : [mail.from])],
      ['To', addresses(mail.to ?? [])],
      ['Cc', addresses(mail.cc ?? [])],
      ['Subject', mail.subject ?? ''],
      ['Date', mail.date ?? ''],
    ];
    const present = fields.filter(([, value]) => value.trim() !== '');
    const headers = present.map(
      ([name, value]): LooseElement => ({ kind: 'mail_header', text: `${name}: ${value.replace(/\s+/gu, ' ')}` }),
    );
    const body = bodyOf(mail.text ?? '', mail.html ?? '');
    if (headers.length === 0 && body.length === 0 && mail.attachments.length === 0)
      throw parseError('EMPTY_TEXT', 'the mail has neither header fields nor text');
    const metadata: { [key: string]: Json } = Object.fromEntries(
      present.map(([name, value]) => [name.toLowerCase(), value]),
    );
    if (mail.messageId !== undefined) metadata['message_id'] = mail.messageId;
    if (mail.subject !== undefined) metadata['title'] = mail.subject;
    return { elements: [...headers, ...body], metadata, attachments: mail.attachments.map(attachmentOf) };
  },
});

function bodyOf(text: string, html: string): LooseElement[] {
  return text.trim() !== '' ? paragraphsOf(text) : htmlElements(html).elements;
}

function addresses(list: readonly Address[]): string {
  return list
    .flatMap((entry) => (entry.group === undefined ? [entry] : entry.group))
    .map(({ name, address }) => (name === '' ? (address ?? '') : `${name} <${address ?? ''}>`))
    .filter((shown) => shown !== '')
    .join(', ');
}

function attachmentOf({ filename, mimeType, content }: MimeAttachment): FoundAttachment {
  const bytes = typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
  return { name: filename ?? '', mediaType: mimeType, content: bytes };
}
