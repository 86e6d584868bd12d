import { onMemory, openCase } from './case.ts';
import { openFrontApi } from './front-api.ts';

/** A file of a message or a comment, as the tests name it. */
export interface FrontFileSpec {
  readonly id: string;
  readonly name?: string;
  readonly type?: string;
  readonly isInline?: boolean;
  /** What Front says of it; absent: what it has. */
  readonly size?: number;
  readonly text?: string;
}

/** A company's mail on a loopback server, and the program that may ask for what came in it. */
export async function openFrontCase(env: Readonly<Record<string, string>> = {}) {
  const api = await openFrontApi();
  api.conversations.splice(0);
  api.messages.splice(0);
  api.comments.clear();
  const files = openCase({}, { ...api.env, ...env });
  const attached = (specs: readonly FrontFileSpec[]) =>
    specs.map(({ id, name = `${id}.txt`, type = 'text/plain', isInline = false, size, text }) => {
      const content = Buffer.from(text ?? `Bay nine is free, says ${id}.`);
      if (!api.files.has(id)) api.files.set(id, content);
      const url = `https://acme.api.frontapp.com/download/${id}`;
      return {
        id,
        filename: name,
        url,
        content_type: type,
        size: size ?? content.length,
        metadata: { is_inline: isInline },
      };
    });
  let seen = 0;
  let second = 1_760_000_000;
  const conversation = (id: string) => {
    if (!api.conversations.some((row) => row.id === id)) api.conversations.push({ id, updated_at: second });
  };
  return {
    ...files,
    api,
    /** Adds a message with files to a conversation. */
    message: (conversationId: string, id: string, ...specs: FrontFileSpec[]) => {
      conversation(conversationId);
      const related = { conversation: `https://acme.api.frontapp.com/conversations/${conversationId}` };
      second += 1;
      const recipients = [{ role: 'from', handle: 'dispatch@acme-trucking.com', name: null }];
      const row = { id, created_at: second, subject: 'Delivery', author: null, recipients, _links: { related } };
      api.messages.push({ ...row, attachments: attached(specs) });
    },
    /** Adds a comment with files to a conversation. */
    comment: (conversationId: string, id: string, ...specs: FrontFileSpec[]) => {
      conversation(conversationId);
      const author = { email: 'ops@acme-example.com' };
      const row = { id, author, posted_at: second, body: '', attachments: attached(specs) };
      api.comments.set(conversationId, [...(api.comments.get(conversationId) ?? []), row]);
    },
    /** What an ingest of these names came to: its exit status, and outcomes by location. */
    ingest: async (...args: string[]) => {
      const { exitCode, lines, stderr, stdout } = await files.run('ingest', '--source', 'frontapp', ...args);
      const results = lines.filter(({ event }) => event === 'document');
      const outcomes = Object.fromEntries(results.map((result) => [String(result['source_uri']), result['outcome']]));
      const events = (kind: string) => lines.filter(({ event }) => event === kind);
      return { exitCode, stderr, stdout, lines, outcomes, events };
    },
    /** The paths asked for since the last time. */
    asked: () => {
      const before = seen;
      seen = api.requests.length;
      return api.requests.slice(before).map(({ path }) => path);
    },
    /** Removes a message from its conversation. */
    remove: (id: string) => {
      api.messages.splice(
        api.messages.findIndex((row) => row.id === id),
        1,
      );
    },
    /** Where each document came from: all places of one in a line. */
    places: async () => {
      const { lines } = await files.run('documents', 'list');
      const known = onMemory(files.home, (db) => db.prepare('SELECT document_id, source_uri FROM place').all());
      const rows = known as { document_id: string; source_uri: string }[];
      return lines
        .map(({ document_id, source_uri }) => {
          const own = rows.filter((row) => row.document_id === document_id).map((row) => row.source_uri);
          return (own.length === 0 ? [String(source_uri)] : own).sort().join(' ');
        })
        .sort();
    },
    documents: async () => (await files.run('documents', 'list')).lines,
  };
}
