import { readFileSync } from 'node:fs';
import { type ApiAnswer, type ApiRequest, type ApiServer, type AtEnd, openApiServer } from './api-server.ts';

type Row = Record<string, unknown> & { readonly id: string };

/** A loopback server that answers as Front documents, and worse when told to. */
export interface FrontApi extends ApiServer {
  /** What makes the program use it. */
  readonly env: Readonly<Record<string, string>>;
  readonly conversations: Row[];
  /** Each names its conversation in `_links.related`. */
  readonly messages: Row[];
  /** By the id of their conversation. */
  readonly comments: Map<string, Row[]>;
  readonly events: Row[];
  readonly contacts: Row[];
  readonly accounts: Row[];
  /** By the id of the account. */
  readonly accountContacts: Map<string, Row[]>;
  readonly tags: Row[];
  /** Files by their id: what is in them, or where they are. */
  readonly files: Map<string, Buffer | { readonly location: string }>;
  /** Ids of rows that no list gives, as one that a seam of two pages passed over. */
  readonly unlisted: Set<string>;
  /** Conversations that have become part of another, by their id. */
  readonly merged: Map<string, string>;
  /** The most rows of a page, whatever is asked for. */
  pageRows: number;
  /** The scheme and host of `next` links; null: its own. */
  linkOrigin: string | null;
  /** `next` leads to the same page for ever. */
  isCircling: boolean;
  /** No page token that was given before is taken from now on. */
  expirePageTokens(): void;
}

const TOKEN = 'front-token-of-the-tests';

/** One record of each kind, composed from the API's description. */
export const FRONT_EXAMPLES = JSON.parse(readFileSync('fixtures/feeds/front-examples.json', 'utf8')) as {
  readonly [name in 'conversation' | 'message' | 'comment' | 'contact' | 'account' | 'event' | 'tag']: Row;
};

/** Starts a server that holds one record of each kind. */
export async function openFrontApi(atEnd?: AtEnd): Promise<FrontApi> {
  let epoch = 0;
  const server = await openApiServer((request) => answer(api, request, epoch), atEnd);
  const { conversation, message, comment, contact, account, event, tag } = FRONT_EXAMPLES;
  const api: FrontApi = Object.assign(server, {
    env: { FRONTAPP_BASE_URL: server.url, FRONTAPP_API_TOKEN: TOKEN, FRONTAPP_REQUESTS_PER_MINUTE: '10000' },
    conversations: [conversation],
    messages: [message],
    comments: new Map([[conversation.id, [comment]]]),
    events: [event],
    contacts: [{ updated_at: 1_760_000_000, ...contact }],
    accounts: [account],
    accountContacts: new Map([[account.id, [contact]]]),
    tags: [tag],
    files: new Map<string, Buffer | { readonly location: string }>(),
    unlisted: new Set<string>(),
    merged: new Map<string, string>(),
    pageRows: 100,
    linkOrigin: null,
    isCircling: false,
    expirePageTokens: () => {
      epoch += 1;
    },
  });
  return api;
}

function answer(api: FrontApi, request: ApiRequest, epoch: number): ApiAnswer {
  const { path, headers } = request;
  if (headers['authorization'] !== `Bearer ${TOKEN}`) return failure(401, 'Unauthenticated');
  if (path === '/me') return { status: 200, body: { id: 'cmp_demo', name: 'Acme Trucking' } };
  const file = /^(?:\/(?:messages|comments)\/\w+)?\/download\/(\w+)$/.exec(path);
  if (file !== null) return fileOf(api, file[1] ?? '');
  const [, resource = '', id = '', part = ''] = /^\/([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(path) ?? [];
  const survivor = resource === 'conversations' ? api.merged.get(id) : undefined;
  if (survivor !== undefined) {
    const location = `${api.url}/conversations/${survivor}${part === '' ? '' : `/${part}`}`;
    return { status: 301, headers: { location }, body: {} };
  }
  if (id !== '' && part === '') return oneOf(api, resource, id);
  const rows = part === '' ? listed(api, resource, request) : partsOf(api, resource, id, part);
  if (rows === null) return failure(404, 'Not found');
  const given = rows.filter(({ id: rowId }) => !api.unlisted.has(rowId));
  return pageOf(api, given, request, epoch);
}

function fileOf(api: FrontApi, id: string): ApiAnswer {
  const file = api.files.get(id);
  if (file === undefined) return failure(404, 'Not found');
  return Buffer.isBuffer(file) ? { status: 200, body: file } : { status: 302, headers: { ...file }, body: {} };
}

function oneOf(api: FrontApi, resource: string, id: string): ApiAnswer {
  const found = allOf(api, resource)?.find((row) => row.id === id);
  return found === undefined ? failure(404, 'Not found') : { status: 200, body: found };
}

function allOf(api: FrontApi, resource: string): readonly Row[] | null {
  switch (resource) {
    case 'conversations':
    case 'messages':
    case 'events':
    case 'contacts':
    case 'accounts':
    case 'tags':
      return api[resource];
    case 'comments':
      return [...api.comments.values()].flat();
  }
  return null;
}

/** What a listing gives in all, in its order. */
function listed(api: FrontApi, resource: string, { query }: ApiRequest): readonly Row[] | null {
  const rows = allOf(api, resource);
  switch (resource) {
    case 'conversations':
      return api.conversations.toSorted((a, b) => Number(b['updated_at']) - Number(a['updated_at']));
    case 'events': {
      const after = Number(query['q[after]'] ?? 0);
      const found = api.events.filter((event) => Number(event['emitted_at']) > after);
      const sign = query['sort_order'] === 'asc' ? 1 : -1;
      return found.toSorted((a, b) => sign * (Number(a['emitted_at']) - Number(b['emitted_at'])));
    }
    case 'contacts': {
      const { 'q[updated_after]': after = '0', 'q[updated_before]': before = 'Infinity' } = query;
      return api.contacts.filter(
        ({ updated_at }) => Number(updated_at) > Number(after) && Number(updated_at) < Number(before),
      );
    }
    case 'messages':
    case 'comments':
      return null;
  }
  return rows;
}

function partsOf(api: FrontApi, resource: string, id: string, part: string): readonly Row[] | null {
  if (resource === 'accounts' && part === 'contacts') return api.accountContacts.get(id) ?? [];
  if (resource !== 'conversations' || !api.conversations.some((row) => row.id === id)) return null;
  if (part === 'comments') return api.comments.get(id) ?? [];
  if (part !== 'messages') return null;
  return api.messages
    .filter((message) => conversationOf(message) === id)
    .toSorted((a, b) => Number(b['created_at']) - Number(a['created_at']));
}

function conversationOf(message: Row): string | undefined {
  const { related } = message['_links'] as { related: { conversation: string } };
  return related.conversation.split('/').at(-1);
}

/** The list of comments has no pages: its answer tells of none. */
function pageOf(api: FrontApi, rows: readonly Row[], { path, query }: ApiRequest, epoch: number): ApiAnswer {
  const { page_token: token, ...asked } = query;
  const [given = epoch, start = 0] = token === undefined ? [] : token.split('.').map(Number);
  if (given !== epoch) return failure(400, 'Bad request');
  if (path.endsWith('/comments')) return { status: 200, body: { _links: { self: path }, _results: rows } };
  const most = path === '/events' ? 15 : 100;
  const limit = Math.min(api.pageRows, Number(asked['limit'] ?? 50));
  if (Number(asked['limit'] ?? 0) > most) return failure(400, 'Bad request');
  const page = rows.slice(start, start + limit);
  const end = api.isCircling ? start : start + page.length;
  const members = new URLSearchParams({ ...asked, page_token: `${epoch}.${end}` });
  const next = end < rows.length ? `${api.linkOrigin ?? api.url}${path}?${members}` : null;
  return { status: 200, body: { _pagination: { next }, _links: { self: path }, _results: page } };
}

function failure(status: number, title: string): ApiAnswer {
  return { status, body: { _error: { status, title, message: title } } };
}
