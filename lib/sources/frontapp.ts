import { bearerOf, fixedCredentials, requiredValue, wholeValue } from './feed-options.ts';
import { type Child, type FeedSource, type OneRequest, PLAIN_STREAM, type StreamSpec } from './feed-spec.ts';

// Source of paths, parameters, limits and pages: Front's OpenAPI description and its pages on pagination, events, rate limiting and
// base URLs.

const LIMIT = '100';
/** More are not given. */
const EVENTS_LIMIT = '15';

/** After these a conversation is not what it was. */
const EVENT_TYPES = [
  'inbound',
  'outbound',
  'out_reply',
  'comment',
  'assign',
  'unassign',
  'tag',
  'untag',
  'archive',
  'reopen',
  'move',
  'trash',
  'restore',
  'conversations_merged',
  'link_added',
  'link_removed',
];

const LISTED = { paging: 'link', rows: '_results' } as const;
/** Whether bounds belong to what they bound is not documented, and events come late. */
const OVERLAP_MS = 120_000;

function oneAt(path: string): OneRequest {
  return { path, query: {}, record: '', lookup: null };
}

const MESSAGES: Child = {
  ...LISTED,
  stream: 'messages',
  path: '/conversations/{id}/messages',
  query: { limit: LIMIT },
  parent: 'conversation',
};

const COMMENTS: Child = {
  ...LISTED,
  stream: 'comments',
  path: '/conversations/{id}/comments',
  query: {},
  parent: 'conversation',
};

const CONVERSATIONS: StreamSpec = {
  ...PLAIN_STREAM,
  ...LISTED,
  name: 'conversations',
  summary: 'conversations with their messages, comments and events',
  path: '/conversations',
  query: { limit: LIMIT },
  progress: {
    kind: 'events',
    overlapMs: OVERLAP_MS,
    events: {
      ...LISTED,
      stream: 'events',
      path: '/events',
      query: { sort_by: 'created_at', sort_order: 'asc', limit: EVENTS_LIMIT, 'q[types][]': EVENT_TYPES },
      bounds: { from: 'q[after]', to: null, format: 'seconds' },
      time: 'emitted_at',
      thing: 'conversation',
    },
  },
  one: oneAt('/conversations/{id}'),
  children: [MESSAGES, COMMENTS],
  merges: 'merges',
  newestFirst: 'updated_at',
};

const WITHIN_CONVERSATIONS = {
  ...PLAIN_STREAM,
  ...LISTED,
  isDefault: false,
  path: CONVERSATIONS.path,
  within: CONVERSATIONS.name,
} as const;

const STREAMS: readonly StreamSpec[] = [
  CONVERSATIONS,
  {
    ...WITHIN_CONVERSATIONS,
    name: 'messages',
    summary: 'the messages of conversations, alone',
    one: oneAt('/messages/{id}'),
  },
  {
    ...WITHIN_CONVERSATIONS,
    name: 'comments',
    summary: 'the comments on conversations, alone',
    one: oneAt('/comments/{id}'),
  },
  {
    ...WITHIN_CONVERSATIONS,
    name: 'events',
    summary: 'what happened to conversations, alone',
    one: oneAt('/events/{id}'),
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'contacts',
    summary: 'people and the addresses they write from',
    path: '/contacts',
    query: { limit: LIMIT, sort_by: 'updated_at', sort_order: 'asc' },
    progress: {
      kind: 'updated-after',
      bounds: { from: 'q[updated_after]', to: 'q[updated_before]', format: 'seconds' },
      overlapMs: OVERLAP_MS,
    },
    allOf: 'front:crd_',
    one: oneAt('/contacts/{id}'),
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'accounts',
    summary: 'companies with their domains',
    path: '/accounts',
    query: { limit: LIMIT },
    allOf: 'front:acc_',
    one: oneAt('/accounts/{id}'),
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'account-contacts',
    summary: 'companies with the contacts that belong to them: a request for each',
    isDefault: false,
    path: '/accounts',
    query: { limit: LIMIT },
    one: oneAt('/accounts/{id}'),
    children: [
      {
        ...LISTED,
        stream: 'account-contacts',
        path: '/accounts/{id}/contacts',
        query: { limit: LIMIT },
        parent: 'account',
      },
    ],
    rowsAre: 'accounts',
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'tags',
    summary: 'the tags of the company',
    path: '/tags',
    query: { limit: LIMIT },
    allOf: 'front:tag_',
    one: oneAt('/tags/{id}'),
  },
];

/** Front: conversations, their messages and the people in them. */
export default {
  name: 'frontapp',
  summary: 'Front: conversations, their messages and the people in them',
  options: [
    {
      name: 'FRONTAPP_API_TOKEN',
      isSecret: true,
      fallback: '',
      summary: 'API token that may read conversations, messages, comments, events, contacts, accounts and tags.',
    },
    {
      name: 'FRONTAPP_BASE_URL',
      isSecret: false,
      fallback: 'https://api2.frontapp.com',
      summary: 'Address of the API.',
    },
    {
      name: 'FRONTAPP_REQUESTS_PER_MINUTE',
      isSecret: false,
      fallback: '50',
      summary: 'Requests in a minute: the plan of the company allows 50, 100 or 200, for all its programs together.',
    },
  ],
  streams: STREAMS,
  // Links in answers lead to the company's own host, where the same token counts.
  ownHosts: /^(?:api2\.frontapp\.com|[a-z\d-]+\.api\.frontapp\.com)$/,
  backoff: { minMs: 1_000, maxMs: 60_000 },
  // Seconds by the documentation, milliseconds by some answers.
  retryAfter: { millisecondsAbove: 600, hasReset: true },
  statusInside: null,
  probe: { path: '/me', query: {} },
  connect: (values) => {
    const requests = wholeValue(values, 'FRONTAPP_REQUESTS_PER_MINUTE', { min: 1, max: 10_000 });
    return {
      baseUrl: requiredValue(values, 'FRONTAPP_BASE_URL'),
      headers: {},
      credentials: fixedCredentials({ authorization: bearerOf(values, 'FRONTAPP_API_TOKEN') }),
      variables: ['FRONTAPP_API_TOKEN'],
      rate: { requests, perMs: 60_000, burst: Math.ceil(requests / 2) },
    };
  },
} satisfies FeedSource;
