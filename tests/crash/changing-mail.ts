import type { AtEnd } from '../helpers/api-server.ts';
import { FRONT_EXAMPLES, type FrontApi, openFrontApi } from '../helpers/front-api.ts';
import { type ChangingWorld, changeClock, picksFrom } from './changing-world.ts';

const CONVERSATIONS = 4;
const MAX_CONVERSATIONS = 9;
const CONTACTS = 5;
const ACCOUNTS = 4;
/** As many of a kind stay, whatever else goes. */
const MIN_ROWS = 2;
const TAGS = ['POD', 'Billing', 'Detention', 'Claims'];
const TEAMMATES = ['ops', 'night', 'billing'];
const PAGE_ROWS = 4;
/** Older ones leave the API; those that a walk may not have met yet are far fewer. */
const MAX_MESSAGES = 80;
const MAX_EVENTS = 240;
/** Much happens to mail in a second. */
const STEP_MS = 10;

type Row = FrontApi['conversations'][number];

/** Mail of a company: conversations begin, are answered, commented on, given to somebody, tagged, closed and merged; people in them change; some records are wrong. */
export async function openChangingMail(random: () => number, atEnd: AtEnd): Promise<ChangingMail> {
  return new ChangingMail(await openFrontApi(atEnd), random);
}

class ChangingMail implements ChangingWorld {
  readonly source = 'frontapp';
  readonly api: FrontApi;
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #changedAt = changeClock(STEP_MS);
  #made = 0;

  constructor(api: FrontApi, random: () => number) {
    this.api = api;
    this.#pick = picksFrom(random);
    api.pageRows = PAGE_ROWS;
    for (const rows of [api.conversations, api.messages, api.events, api.contacts, api.accounts, api.tags])
      rows.length = 0;
    for (const held of [api.comments, api.accountContacts]) held.clear();
    api.tags.push(...TAGS.map((name, index) => ({ ...FRONT_EXAMPLES.tag, id: `tag_${index}`, name })));
    for (let count = 0; count < ACCOUNTS; count += 1) this.#addAccount();
    for (let count = 0; count < CONTACTS; count += 1) this.#addContact();
    for (let count = 0; count < CONVERSATIONS; count += 1) this.#addConversation();
  }

  change(): void {
    const changes = [
      ...[this.#addConversation, this.#answer, this.#answer, this.#comment, this.#assign, this.#tag, this.#close],
      ...[this.#addContact, this.#changeContact, this.#changeAccount],
      ...(this.api.accounts.length < ACCOUNTS ? [this.#addAccount] : []),
    ];
    for (let left = 1 + this.#pick.below(5); left > 0; left -= 1) this.#pick.of(changes).call(this);
    if (this.#pick.is(0.2)) this.#merge();
    if (this.#pick.is(0.3)) this.#addWrong();
  }

  remove(): void {
    const { contacts, accounts, tags } = this.api;
    const rows = this.#pick.of([contacts, accounts, tags]);
    if (rows.length > MIN_ROWS) rows.splice(this.#pick.below(rows.length), 1);
  }

  #addAccount(): void {
    this.#made += 1;
    const number = this.#made;
    const domains = [`shipper-${number}.example`];
    const about = { name: `Shipper ${number} Corp`, domains, external_id: String(204_000 + number) };
    this.api.accounts.push({ ...FRONT_EXAMPLES.account, id: `acc_${number}`, ...about });
  }

  /** Nothing tells when an account was changed but its own record. */
  #changeAccount(): void {
    Object.assign(this.#pick.of(this.api.accounts), {
      name: `Shipper ${this.#pick.below(90)} Corp`,
      updated_at: this.#now(),
    });
  }

  #addContact(): void {
    if (this.api.contacts.length >= 2 * CONTACTS) return;
    this.#made += 1;
    this.api.contacts.push({
      ...FRONT_EXAMPLES.contact,
      ...{ id: `crd_${this.#made}`, name: `Dispatcher ${this.#made}`, updated_at: this.#now() },
      handles: [
        { handle: this.#handle(this.#made), source: 'email' },
        { handle: `+131255502${10 + this.#made}`, source: 'phone' },
      ],
      custom_fields: {},
    });
  }

  #changeContact(): void {
    Object.assign(this.#pick.of(this.api.contacts), {
      name: `Dispatcher ${this.#pick.below(90)}`,
      description: `Rings at ${this.#pick.below(24)} h.`,
      updated_at: this.#now(),
    });
  }

  #handle(number: number): string {
    return `person-${number}@shipper-${number % ACCOUNTS}.example`;
  }

  #addConversation(): void {
    if (this.api.conversations.length >= MAX_CONVERSATIONS) return;
    this.#made += 1;
    const id = `cnv_${this.#made}`;
    this.api.conversations.push({
      ...FRONT_EXAMPLES.conversation,
      ...{ _links: {}, id, subject: `Load ${600_000 + this.#made}`, status: 'unassigned', assignee: null, tags: [] },
      ...{
        links: [],
        custom_fields: {},
        recipient: { handle: this.#handle(1 + this.#pick.below(CONTACTS)), role: 'from' },
      },
      ...{ created_at: this.#now(), waiting_since: null },
    });
    this.#write(this.api.conversations.at(-1)!);
  }

  #answer(): void {
    this.#write(this.#pick.of(this.api.conversations));
  }

  #write(conversation: Row): void {
    this.#made += 1;
    const at = this.#now();
    const isInbound = this.#pick.is(0.5);
    const text = `The load LD-${600_000 + this.#pick.below(20)} is ${this.#pick.of(['loaded', 'late', 'delivered'])}.`;
    const people = [
      { handle: this.#handle(1 + this.#pick.below(CONTACTS)), role: isInbound ? 'from' : 'to' },
      { handle: 'ops@acme-example.com', role: isInbound ? 'to' : 'from' },
    ];
    const id = `msg_${this.#made}`;
    const links = { related: { conversation: `${this.api.url}/conversations/${conversation.id}` } };
    this.api.messages.push({
      ...FRONT_EXAMPLES.message,
      ...{ _links: links, id, is_inbound: isInbound, created_at: at, subject: conversation['subject'] },
      ...{ recipients: people, text, body: `<div>${text}</div>`, blurb: text, attachments: [] },
    });
    if (this.api.messages.length > MAX_MESSAGES) this.api.messages.shift();
    this.#happens(conversation, isInbound ? 'inbound' : 'outbound', at, [{ id, type: 'email', is_inbound: isInbound }]);
  }

  #comment(): void {
    this.#made += 1;
    const conversation = this.#pick.of(this.api.conversations);
    const at = this.#now();
    const id = `com_${this.#made}`;
    const body = `Asked about PO-${5_000 + this.#pick.below(30)}.`;
    const comment = { ...FRONT_EXAMPLES.comment, _links: {}, id, author: this.#teammate(), body, posted_at: at };
    this.api.comments.set(conversation.id, [...(this.api.comments.get(conversation.id) ?? []), comment]);
    this.#happens(conversation, 'comment', at, [{ id }]);
  }

  #assign(): void {
    const conversation = this.#pick.of(this.api.conversations);
    const before = conversation['assignee'];
    const assignee = this.#pick.is(0.7) ? this.#teammate() : null;
    if (assignee === null && before === null) return;
    Object.assign(conversation, { assignee, status: assignee === null ? 'unassigned' : 'assigned' });
    this.#happens(conversation, assignee === null ? 'unassign' : 'assign', this.#now(), [assignee ?? before]);
  }

  #teammate(): Row {
    const username = this.#pick.of(TEAMMATES);
    return {
      id: `tea_${username}`,
      email: `${username}@acme-example.com`,
      username,
      first_name: username,
      type: 'user',
    };
  }

  #tag(): void {
    const conversation = this.#pick.of(this.api.conversations);
    const tags = conversation['tags'] as Row[];
    const tag = this.#pick.of(this.api.tags);
    const isTagged = tags.some(({ id }) => id === tag.id);
    conversation['tags'] = isTagged ? tags.filter(({ id }) => id !== tag.id) : [...tags, tag];
    this.#happens(conversation, isTagged ? 'untag' : 'tag', this.#now(), [tag]);
  }

  #close(): void {
    const conversation = this.#pick.of(this.api.conversations);
    const isClosed = conversation['status'] === 'archived';
    conversation['status'] = isClosed ? 'assigned' : 'archived';
    this.#happens(conversation, isClosed ? 'reopen' : 'archive', this.#now(), []);
  }

  /** A conversation becomes part of another, with its messages. */
  #merge(): void {
    const { conversations, messages, merged } = this.api;
    if (conversations.length < CONVERSATIONS) return;
    const [gone] = conversations.splice(this.#pick.below(conversations.length), 1) as [Row];
    const survivor = this.#pick.of(conversations);
    merged.set(gone.id, survivor.id);
    const link = (id: string) => `${this.api.url}/conversations/${id}`;
    for (const message of messages) {
      const { related } = message['_links'] as { related: { conversation: string } };
      if (related.conversation === link(gone.id)) related.conversation = link(survivor.id);
    }
    this.#happens(survivor, 'conversations_merged', this.#now(), [{ id: gone.id }]);
  }

  /** Events are all that tells of changes: each is listed, and its conversation is not what it was. */
  #happens(conversation: Row, type: string, at: number, data: readonly unknown[]): void {
    this.#made += 1;
    conversation['updated_at'] = at;
    const { id, subject, status } = conversation;
    const target = data.length === 0 ? null : { _meta: { type: 'target' }, data };
    const source = { _meta: { type: 'inboxes' }, data: [{ id: 'inb_1', name: 'Dispatch', is_private: false }] };
    this.api.events.push({
      ...FRONT_EXAMPLES.event,
      ...{ _links: {}, id: `evt_${this.#made}`, type, emitted_at: at, source, target },
      conversation: { id, subject, status },
    });
    if (this.api.events.length > MAX_EVENTS) this.api.events.shift();
  }

  /** An event of no type, which costs itself. */
  #addWrong(): void {
    this.#made += 1;
    const { id, subject } = this.#pick.of(this.api.conversations);
    const about = { id: `evt_${this.#made}`, type: null, emitted_at: this.#now(), conversation: { id, subject } };
    this.api.events.push({ ...FRONT_EXAMPLES.event, _links: {}, ...about });
  }

  /** Unix seconds. */
  #now(): number {
    return Date.parse(this.#changedAt()) / 1_000;
  }
}
