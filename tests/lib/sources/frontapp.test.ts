import { expect, test } from 'vitest';
import frontapp from '../../../lib/sources/frontapp.ts';
import { first } from '../../helpers/api-server.ts';
import { FAKE_START } from '../../helpers/fake-timing.ts';
import { FRONT_EXAMPLES, type FrontApi, openFrontApi } from '../../helpers/front-api.ts';
import { asked, endOf, failedWalk, namesOf, openWalking } from './walking.ts';

const CONVERSATION = 'cnv_1abc2d';
const START_S = FAKE_START / 1_000;

async function openInbox(conversations = 1) {
  const api = await openFrontApi();
  for (let count = 2; count <= conversations; count += 1) addConversation(api, `cnv_${count}`, START_S - count * 3_600);
  return { api, ...openWalking(frontapp, api.env) };
}

function addConversation(api: FrontApi, id: string, updatedAt: number): void {
  api.conversations.push({ ...FRONT_EXAMPLES.conversation, id, updated_at: updatedAt });
}

function addEvent(api: FrontApi, id: string, conversation: string, at: number): void {
  api.events.push({ ...FRONT_EXAMPLES.event, id, emitted_at: at, conversation: { id: conversation } });
}

/** An inbox whose conversations have been fetched once. */
async function openFetched(conversations = 1) {
  const inbox = await openInbox(conversations);
  inbox.api.events.length = 0;
  const cursor = endOf(await inbox.pages('conversations'));
  (inbox.api.requests as unknown[]).length = 0;
  return { ...inbox, cursor };
}

test('the first walk lists the conversations, each with its messages and comments', async () => {
  const { api, pages } = await openInbox(2);
  const walked = await pages('conversations');
  expect(namesOf(walked)).toEqual([
    `conversations ${CONVERSATION}`,
    'messages msg_1q15qmtq',
    'comments com_2b4c',
    'conversations cnv_2',
  ]);
  expect(walked.map(({ isLast, allOf }) => [isLast, allOf])).toEqual([[true, null]]);
  expect(asked(api.requests, 'limit')).toEqual([
    '/conversations limit=100',
    `/conversations/${CONVERSATION}/messages limit=100`,
    `/conversations/${CONVERSATION}/comments`,
    '/conversations/cnv_2/messages limit=100',
    '/conversations/cnv_2/comments',
  ]);
});

test('a comment is linked to its conversation, which it does not tell by itself', async () => {
  const { api, pages } = await openInbox();
  const [page] = await pages('conversations');
  const comment = page!.records.find(({ stream }) => stream === 'comments')?.value;
  expect(comment).toMatchObject({
    id: 'com_2b4c',
    _links: {
      self: 'https://acme.api.frontapp.com/comments/com_2b4c',
      related: { conversation: `${api.url}/conversations/${CONVERSATION}` },
    },
  });
  const message = page!.records.find(({ stream }) => stream === 'messages')?.value;
  expect(message).toEqual(FRONT_EXAMPLES.message);
});

test('next is followed as it is given', async () => {
  const { api, pages } = await openInbox(5);
  api.pageRows = 2;
  const walked = await pages('conversations');
  expect(walked.map(({ records }) => records.filter(({ stream }) => stream === 'conversations').length)).toEqual([
    2, 2, 1,
  ]);
  const lists = api.requests.filter(({ path }) => path === '/conversations');
  expect(lists.map(({ query }) => query)).toEqual([
    { limit: '100' },
    { limit: '100', page_token: '0.2' },
    { limit: '100', page_token: '0.4' },
  ]);
});

test('a thread of more than a page is fetched to its end', async () => {
  const { api, pages } = await openInbox();
  for (let count = 1; count <= 250; count += 1) api.messages.push({ ...FRONT_EXAMPLES.message, id: `msg_${count}` });
  const messages = namesOf(await pages('conversations')).filter((name) => name.startsWith('messages'));
  expect(messages).toHaveLength(251);
  expect(asked(api.requests).filter((path) => path.endsWith('/messages'))).toHaveLength(3);
});

test('a thread of thousands comes in parts, of which only the last moves the cursor', async () => {
  const { api, pages } = await openInbox();
  for (let count = 1; count <= 2_500; count += 1) api.messages.push({ ...FRONT_EXAMPLES.message, id: `msg_${count}` });
  const walked = await pages('conversations');
  expect(namesOf(walked)).toHaveLength(2_503);
  expect(Math.max(...walked.map(({ records }) => records.length))).toBeLessThanOrEqual(1_000);
  expect(walked.map(({ isLast }) => isLast)).toEqual([false, false, true]);
  const again = await pages('conversations', { cursor: walked[1]!.cursor.after });
  expect(namesOf(again)).toHaveLength(2_503);
});

test('later walks follow the events, and fetch what they are about', async () => {
  const { api, pages, cursor } = await openFetched(3);
  addEvent(api, 'evt_1', 'cnv_2', START_S + 5.25);
  addEvent(api, 'evt_2', 'cnv_3', START_S + 6);
  const walked = await pages('conversations', { cursor });
  expect(namesOf(walked)).toEqual(['events evt_1', 'events evt_2', 'conversations cnv_2', 'conversations cnv_3']);
  expect(api.requests[0]).toMatchObject({
    path: '/events',
    query: { 'q[after]': String(START_S - 120), sort_by: 'created_at', sort_order: 'asc', limit: '15' },
  });
  expect(walked.at(-1)).toMatchObject({ isLast: true, allOf: null });
});

test('a conversation with many events is fetched once', async () => {
  const { api, pages, timing, cursor } = await openFetched();
  for (let count = 1; count <= 40; count += 1) addEvent(api, `evt_${count}`, CONVERSATION, START_S + count);
  timing.time += 3_600_000;
  const walked = await pages('conversations', { cursor });
  expect(walked).toHaveLength(3);
  expect(namesOf(walked).filter((name) => name.startsWith('conversations'))).toHaveLength(1);
});

test('a conversation to which something happens after it was fetched is fetched again', async () => {
  const { api, pages, timing, cursor } = await openFetched();
  for (let count = 1; count <= 15; count += 1) addEvent(api, `evt_${count}`, CONVERSATION, START_S + count);
  timing.time += 3_600_000;
  addEvent(api, 'evt_late', CONVERSATION, timing.time / 1_000 - 1);
  const walked = await pages('conversations', { cursor });
  expect(namesOf(walked).filter((name) => name.startsWith('conversations'))).toHaveLength(2);
});

test('events that come again in the overlap are left out', async () => {
  const { api, pages, cursor, timing } = await openFetched();
  addEvent(api, 'evt_1', CONVERSATION, START_S + 10);
  timing.time += 60_000;
  const once = await pages('conversations', { cursor });
  addEvent(api, 'evt_2', 'cnv_1abc2d', START_S + 9);
  (api.requests as unknown[]).length = 0;
  const again = await pages('conversations', { cursor: endOf(once) });
  expect(api.requests[0]?.query['q[after]']).toBe(String(START_S + 10 - 120));
  expect(namesOf(again)[0]).toBe('events evt_2');
  const nothing = await pages('conversations', { cursor: endOf(again) });
  expect(nothing.map(({ records, isLast }) => [records.length, isLast])).toEqual([[0, true]]);
});

test('15 events of the same time across the edge of a page are each given once, cut off or not', async () => {
  const { api, pages, walk, timing, cursor } = await openFetched(31);
  for (let count = 1; count <= 30; count += 1) addEvent(api, `evt_${count}`, `cnv_${count + 1}`, START_S + 10);
  timing.time += 60_000;
  const whole = namesOf(await pages('conversations', { cursor })).filter((name) => name.startsWith('events'));
  expect(new Set(whole).size).toBe(30);
  expect(whole).toHaveLength(30);
  const { value } = await walk('conversations', { cursor }).next();
  const rest = namesOf(await pages('conversations', { cursor: value!.cursor.after }));
  const names = [...namesOf([value!]), ...rest].filter((name) => name.startsWith('events'));
  expect(names.toSorted()).toEqual(whole.toSorted());
});

test('an event of a far future does not carry the cursor there', async () => {
  const { api, pages, timing, cursor } = await openFetched();
  addEvent(api, 'evt_1', CONVERSATION, 253_402_300_799);
  const once = await pages('conversations', { cursor });
  timing.time += 60_000;
  addEvent(api, 'evt_2', CONVERSATION, START_S + 30);
  expect(namesOf(await pages('conversations', { cursor: endOf(once) }))).toContain('events evt_2');
});

test('an event without a time or a conversation is a record, and no more', async () => {
  const { api, pages, cursor } = await openFetched();
  api.interfere = ({ path }) =>
    path === '/events'
      ? { status: 200, body: { _results: [{ id: 'evt_x' }, { id: 'evt_y', emitted_at: 'soon', conversation: null }] } }
      : null;
  const walked = await pages('conversations', { cursor });
  expect(namesOf(walked)).toEqual(['events evt_x', 'events evt_y']);
  await pages('conversations', { cursor: endOf(walked) });
  expect(api.requests.at(-1)).toMatchObject({ path: '/events', query: { 'q[after]': String(START_S - 120) } });
});

test('a merged conversation is told by a record of its own, before what it has become', async () => {
  const { api, pages, cursor } = await openFetched();
  api.merged.set('cnv_old', CONVERSATION);
  addEvent(api, 'evt_1', 'cnv_old', START_S + 1);
  const walked = await pages('conversations', { cursor });
  expect(namesOf(walked).slice(0, 3)).toEqual(['events evt_1', 'merges cnv_old', `conversations ${CONVERSATION}`]);
  const merge = walked[0]?.records.find(({ stream }) => stream === 'merges');
  expect(merge?.value).toEqual({ id: 'cnv_old', merged_into: CONVERSATION });
});

test('another id without a redirect is no merge', async () => {
  const { api, pages } = await openInbox();
  api.interfere = ({ path }) =>
    path === '/conversations/alias' ? { status: 200, body: FRONT_EXAMPLES.conversation } : null;
  expect(namesOf(await pages('conversations', { id: 'alias' }))[0]).toBe(`conversations ${CONVERSATION}`);
});

test('a conversation that is gone costs itself only', async () => {
  const { api, pages, warnings, cursor } = await openFetched(2);
  addEvent(api, 'evt_1', 'cnv_gone', START_S + 1);
  addEvent(api, 'evt_2', 'cnv_2', START_S + 2);
  expect(namesOf(await pages('conversations', { cursor }))).toEqual([
    'events evt_1',
    'events evt_2',
    'conversations cnv_2',
  ]);
  expect(warnings).toEqual([{ stream: 'conversations', code: 'GONE', message: expect.stringContaining('cnv_gone') }]);
});

test('messages that may not be read are a matter of the token, not of the conversation', async () => {
  const { api, walk, cursor } = await openFetched();
  addEvent(api, 'evt_1', CONVERSATION, START_S + 1);
  api.interfere = ({ path }) => (path.endsWith('/messages') ? { status: 403, body: {} } : null);
  expect((await failedWalk(walk('conversations', { cursor }))).error).toMatchObject({ code: 'SOURCE_REFUSED' });
});

test('--since lists the conversations that changed since, and stops at older ones', async () => {
  const { api, pages, cursor } = await openFetched(20);
  api.pageRows = 4;
  const walked = await pages('conversations', { cursor, since: FAKE_START - 5 * 3_600_000 });
  const names = namesOf(walked).filter((name) => name.startsWith('conversations'));
  expect(names).toEqual([CONVERSATION, 'cnv_2', 'cnv_3', 'cnv_4', 'cnv_5'].map((id) => `conversations ${id}`));
  expect(api.requests.filter(({ path }) => path === '/conversations')).toHaveLength(3);
  expect(walked.at(-1)).toMatchObject({ isLast: true, allOf: null });
});

test('the first walk, cut off, goes on at its page, and then follows events from its own beginning', async () => {
  const { api, pages, walk, timing } = await openInbox(5);
  api.pageRows = 2;
  const { value } = await walk('conversations').next();
  timing.time += 3_600_000;
  const rest = await pages('conversations', { cursor: value!.cursor.after });
  expect(namesOf(rest).filter((name) => name.startsWith('conversations'))).toEqual(
    ['cnv_3', 'cnv_4', 'cnv_5'].map((id) => `conversations ${id}`),
  );
  (api.requests as unknown[]).length = 0;
  await pages('conversations', { cursor: endOf(rest) });
  expect(api.requests[0]?.query['q[after]']).toBe(String(START_S - 120));
});

test('a walk over everything gives what has happened since the last one too: only events tell when', async () => {
  const { api, pages, timing, cursor } = await openFetched(2);
  timing.time += 3_600_000;
  addEvent(api, 'evt_1', 'cnv_2', START_S + 3_599);
  const walked = await pages('conversations', { cursor, isAll: true });
  const own = namesOf(walked)
    .filter((name) => /^(?:events|conversations)/.test(name))
    .sort();
  expect(own).toEqual([`conversations ${CONVERSATION}`, 'conversations cnv_2', 'events evt_1']);
  expect(walked.filter(({ isLast }) => isLast)).toEqual([walked.at(-1)]);
  expect(namesOf(await pages('conversations', { cursor: endOf(walked) }))).toEqual([]);
});

test('a walk over everything, cut off, goes on before events are followed again', async () => {
  const { api, pages, walk, cursor } = await openFetched(3);
  api.pageRows = 2;
  const all = walk('conversations', { cursor, isAll: true });
  const events = await all.next();
  expect(events.value?.isLast).toBe(false);
  const { value } = await all.next();
  const rest = await pages('conversations', { cursor: value!.cursor.after });
  expect(namesOf(rest)).toEqual(['conversations cnv_3']);
  await pages('conversations', { cursor: endOf(rest) });
  expect(api.requests.at(-1)?.path).toBe('/events');
});

test('a page token that is refused lists anew, and says so', async () => {
  const { api, pages, walk, warnings } = await openInbox(3);
  api.pageRows = 2;
  const { value } = await walk('conversations').next();
  api.expirePageTokens();
  const rest = await pages('conversations', { cursor: value!.cursor.after });
  expect(namesOf(rest).filter((name) => name.startsWith('conversations'))).toHaveLength(3);
  expect(warnings).toMatchObject([{ code: 'CURSOR_REFUSED' }]);
});

test.each([
  'https://evil.example',
  'https://api.frontapp.com.evil.example',
  'https://evilapi.frontapp.com',
  'http://acme.api.frontapp.com',
  'https://acme.api.frontapp.com:8443',
  'https://a.b.api.frontapp.com',
])('next on a foreign host is refused, and nothing is sent there: %s', async (origin) => {
  const { api, walk } = await openInbox(3);
  api.pageRows = 2;
  api.linkOrigin = origin;
  const { pages, error } = await failedWalk(walk('conversations'));
  expect(error).toMatchObject({ code: 'FOREIGN_LINK' });
  expect(namesOf(pages).filter((name) => name.startsWith('conversations'))).toHaveLength(2);
});

test.each(['api2.frontapp.com', 'acme.api.frontapp.com', 'my-company2.api.frontapp.com'])(
  'next may be on %s',
  (host) => {
    expect(frontapp.ownHosts.test(host)).toBe(true);
  },
);

test('next that leads in a circle is left', async () => {
  const { api, walk } = await openInbox(3);
  api.pageRows = 1;
  api.isCircling = true;
  expect((await failedWalk(walk('conversations'))).error).toMatchObject({
    code: 'ENDLESS_PAGES',
    message: expect.stringContaining('in a circle'),
  });
});

test('next that is no text is no answer', async () => {
  const { api, walk } = await openInbox();
  api.interfere = () => ({ status: 200, body: { _pagination: { next: { url: '/tags' } }, _results: [] } });
  expect((await failedWalk(walk('tags'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test('next that is no address is no answer', async () => {
  const { api, walk } = await openInbox();
  api.interfere = () => ({ status: 200, body: { _pagination: { next: 'page two' }, _results: [] } });
  expect((await failedWalk(walk('tags'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test('a walk that was cut off before the address of the source changed lists anew', async () => {
  const { api, walk } = await openInbox(3);
  api.pageRows = 2;
  const { value } = await walk('conversations').next();
  const moved = await openInbox(3);
  const rest = await moved.pages('conversations', { cursor: value!.cursor.after });
  expect(namesOf(rest).filter((name) => name.startsWith('conversations'))).toHaveLength(3);
  expect(moved.warnings).toMatchObject([{ code: 'CURSOR_REFUSED' }]);
  expect(asked(api.requests).filter((path) => path === '/conversations')).toHaveLength(1);
});

test('keys that name what every object has stay data', async () => {
  const { api, pages } = await openInbox();
  const body =
    '{"_results":[{"id":"com_x","__proto__":{"_links":{"related":{"conversation":"evil"}}},"constructor":1}]}';
  api.interfere = ({ path }) => (path.endsWith('/comments') ? { status: 200, body } : null);
  const comment = (await pages('comments'))[0]?.records[0]?.value;
  expect(Object.keys(comment!)).toEqual(['id', '__proto__', 'constructor', '_links']);
  expect(comment).toHaveProperty('_links.related.conversation', `${api.url}/conversations/${CONVERSATION}`);
});

test('429 with a value that can only be milliseconds waits so many', async () => {
  const { api, pages, timing } = await openInbox();
  api.interfere = first({ status: 429, headers: { 'retry-after': '2500' }, body: {} });
  await pages('tags');
  expect(timing.sleeps).toEqual([2_500]);
});

test('429 for ever ends, and says who asks to slow down', async () => {
  const { api, walk } = await openInbox();
  api.interfere = () => ({ status: 429, headers: { 'retry-after': '1' }, body: {} });
  expect((await failedWalk(walk('tags'))).error).toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringContaining('frontapp'),
  });
});

test('contacts come by their updates, in seconds', async () => {
  const { api, pages } = await openInbox();
  const once = await pages('contacts');
  expect(namesOf(once)).toEqual(['contacts crd_77ab']);
  await pages('contacts', { cursor: endOf(once) });
  expect(asked(api.requests, 'q[updated_after]', 'q[updated_before]', 'sort_by', 'sort_order')).toEqual([
    `/contacts q[updated_before]=${START_S} sort_by=updated_at sort_order=asc`,
    `/contacts q[updated_after]=${START_S - 120} q[updated_before]=${START_S} sort_by=updated_at sort_order=asc`,
  ]);
});

test('accounts and tags are listed as a whole', async () => {
  const { pages } = await openInbox();
  const walked = [...(await pages('accounts')), ...(await pages('tags'))];
  expect(namesOf(walked)).toEqual(['accounts acc_9k', 'tags tag_13o8r1']);
  expect(walked.map(({ allOf }) => allOf)).toEqual(['front:acc_', 'front:tag_']);
});

test('contacts of accounts are linked to their account', async () => {
  const { api, pages } = await openInbox();
  const walked = await pages('account-contacts');
  expect(namesOf(walked)).toEqual(['accounts acc_9k', 'account-contacts crd_77ab']);
  expect(walked[0]?.records[1]?.value).toMatchObject({
    _links: { related: { account: `${api.url}/accounts/acc_9k` } },
  });
});

test.each([
  ['messages', ['messages msg_1q15qmtq']],
  ['comments', ['comments com_2b4c']],
])('%s alone are those of the conversations', async (stream, names) => {
  const { pages } = await openInbox();
  expect(namesOf(await pages(stream))).toEqual(names);
});

test('events alone follow the first walk', async () => {
  const { api, pages } = await openInbox();
  const once = await pages('events');
  expect(namesOf(once)).toEqual([]);
  addEvent(api, 'evt_1', CONVERSATION, START_S + 1);
  expect(namesOf(await pages('events', { cursor: endOf(once) }))).toEqual(['events evt_1']);
});

test('one conversation is fetched with all that belongs to it, a merged one as what it has become', async () => {
  const { api, pages } = await openInbox();
  api.merged.set('cnv_old', CONVERSATION);
  const all = [`conversations ${CONVERSATION}`, 'messages msg_1q15qmtq', 'comments com_2b4c'];
  expect(namesOf(await pages('conversations', { id: CONVERSATION }))).toEqual(all);
  expect(namesOf(await pages('conversations', { id: 'cnv_old' }))).toEqual(['merges cnv_old', ...all]);
});

test.each([
  ['messages', 'msg_1q15qmtq'],
  ['comments', 'com_2b4c'],
  ['contacts', 'crd_77ab'],
  ['accounts', 'acc_9k'],
  ['tags', 'tag_13o8r1'],
])('one of the %s is fetched by its id', async (stream, id) => {
  const { pages } = await openInbox();
  expect(namesOf(await pages(stream, { id }))).toEqual([`${stream} ${id}`]);
});

test('a missing token is named', () => {
  expect(() => openWalking(frontapp, {})).toThrow(
    expect.objectContaining({ code: 'APEX_CONFIG', message: 'FRONTAPP_API_TOKEN is not set.' }),
  );
});

test('requests keep to the limit of the plan', async () => {
  const { api } = await openInbox(3);
  const { pages, timing } = openWalking(frontapp, { ...api.env, FRONTAPP_REQUESTS_PER_MINUTE: '4' });
  await pages('conversations');
  expect(api.requests).toHaveLength(7);
  expect(timing.sleeps).toEqual([15_000, 15_000, 15_000, 15_000, 15_000]);
});
