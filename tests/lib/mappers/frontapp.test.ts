import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import { about, mapRecord, namesOf, observe, recordOf, SOURCES, statements } from './reading.ts';

const MESSAGE = 'front:msg_1q15qmtq';
const CONVERSATION = 'front:cnv_1abc2d';
const AT = '2025-10-19T14:23:00.123Z';
const { mapper } = SOURCES.frontapp;

function eventOf(type: string, target: Json, more: { [name: string]: Json } = {}) {
  const { source: _, ...event } = recordOf('frontapp', 'event');
  return { ...event, ...more, type, target };
}

describe('a message', () => {
  const observations = observe('frontapp', recordOf('frontapp', 'message'));
  const message = about(observations, MESSAGE);

  test('is part of its conversation, answers another, and has its sender, its readers and its file', () => {
    expect(message.facts.map(({ type, object }) => `${type} ${object.key}`)).toEqual([
      `PART_OF ${CONVERSATION}`,
      'REPLY_TO front:msg_1q15q000',
      'SENT_BY front:crd_77ab',
      'SENT_TO ops@acme-example.com',
      'HAS_ATTACHMENT front:attachment:fil_3q8a7mby',
    ]);
    for (const fact of message.facts) {
      expect(fact).toMatchObject({ validFrom: AT, validTo: null, basis: 'source_event', confidence: 1 });
    }
  });

  test('has an attachment that is no thing, with its kind and size', () => {
    expect(message.facts.at(-1)).toMatchObject({
      object: { type: 'ExternalId', key: 'front:attachment:fil_3q8a7mby', name: 'POD_SHIP-2025-10-19-002.pdf' },
      detail: { mediaType: 'application/pdf', bytes: 184213 },
    });
  });

  test('names the contact that wrote it, by their address and its domain', () => {
    const contact = about(observations, 'front:crd_77ab');
    expect(contact.isWhole).toBe(false);
    expect(namesOf(contact)).toEqual(['Email dispatch@acme-trucking.com']);
    expect(contact.facts).toEqual([
      expect.objectContaining({
        type: 'BELONGS_TO',
        object: expect.objectContaining({ key: 'acme-trucking.com' }),
        confidence: 0.7,
      }),
    ]);
  });

  test('of ours was sent by its author, and keeps only its own words', () => {
    const outbound = about(observe('frontapp', recordOf('frontapp', 'message-outbound')), 'front:msg_1q15qmtr');
    expect(outbound.facts.map(({ type, object }) => `${type} ${object.key}`)).toEqual([
      `PART_OF ${CONVERSATION}`,
      'REPLY_TO front:msg_1q15q000',
      'SENT_BY front:tea_55c8',
      'SENT_TO front:crd_77ab',
      'CC_TO billing@acme-trucking.com',
      'HAS_ATTACHMENT front:attachment:fil_3q8a7mby',
    ]);
    expect(outbound.text).toBe('Thanks, well received.');
  });

  test('without plain text has the words of its HTML, without what it quotes', () => {
    const record = { ...recordOf('frontapp', 'message-outbound'), text: null };
    expect(observe('frontapp', record)[0]!.text).toBe('Thanks, well received.');
  });

  test('says nothing of blind copies and of addresses to reply to', () => {
    const record = recordOf('frontapp', 'message');
    for (const role of ['bcc', 'reply-to']) {
      (record['recipients'] as Json[]).push({ handle: `${role}@acme.example`, name: null, role });
    }
    expect(JSON.stringify(observe('frontapp', record).map(({ facts, names }) => ({ facts, names })))).not.toMatch(
      /bcc@|reply-to@/,
    );
  });

  test('that is a draft was written and not sent', () => {
    const record = { ...recordOf('frontapp', 'message-outbound'), draft_mode: 'shared' };
    const types = observe('frontapp', record)[0]!.facts.map(({ type }) => type);
    expect(types).toContain('WRITTEN_BY');
    expect(types).not.toContain('SENT_BY');
    expect(types).not.toContain('SENT_TO');
  });

  test('from a telephone has no subject and is known by a number', () => {
    const [sms] = observe('frontapp', {
      id: 'msg_2',
      type: 'sms',
      is_inbound: true,
      created_at: 1760883780,
      subject: null,
      blurb: 'At the gate',
      author: null,
      recipients: [{ _links: { related: { contact: null } }, name: null, handle: '(312) 555-0142', role: 'from' }],
      body: 'At the gate',
    });
    expect(sms!.thing.name).toBe('At the gate');
    expect(statements(sms!, 'SENT_BY')).toEqual(['+13125550142 2025-10-19T14:23:00.000Z null source_event']);
    expect(sms!.text).toBe('At the gate');
  });

  test('leaves out pictures inside its text', () => {
    const record = recordOf('frontapp', 'message');
    (record['attachments'] as Json[]).push({
      id: 'fil_logo',
      filename: 'logo.png',
      metadata: { is_inline: true, cid: 'x' },
    });
    expect(statements(about(observe('frontapp', record), MESSAGE), 'HAS_ATTACHMENT')).toHaveLength(1);
  });

  test('with the same file as another has the same attachment', () => {
    const [one, other] = ['message', 'message-outbound'].map(
      (name) => observe('frontapp', recordOf('frontapp', name))[0]!,
    );
    const files = [one, other].map((said) =>
      said!.facts.filter(({ type }) => type === 'HAS_ATTACHMENT').map(({ object }) => object),
    );
    expect(files[0]).toEqual(files[1]);
  });

  test('whose sender is nobody’s contact is tied to their domain, likely', () => {
    const record = recordOf('frontapp', 'message');
    (record['recipients'] as { [key: string]: Json }[])[0]!['_links'] = { related: { contact: null } };
    const [said] = observe('frontapp', record);
    expect(statements(said!, 'SENT_BY')).toEqual([`dispatch@acme-trucking.com ${AT} null source_event`]);
    expect(said!.facts).toContainEqual(
      expect.objectContaining({
        type: 'LINKED_TO',
        confidence: 0.7,
        object: expect.objectContaining({ type: 'Domain' }),
      }),
    );
    (record['recipients'] as { [key: string]: Json }[])[0]!['handle'] = 'someone@gmail.com';
    expect(observe('frontapp', record)[0]!.facts.map(({ type }) => type)).not.toContain('LINKED_TO');
  });
});

describe('a conversation', () => {
  test('has its status, its assignee and its tags since it changed', () => {
    const said = about(observe('frontapp', recordOf('frontapp', 'conversation')), CONVERSATION);
    const at = '2025-10-19T14:26:52.900Z';
    expect(statements(said, 'HAS_STATUS')).toEqual([`front:status:assigned ${at} null source_update`]);
    expect(statements(said, 'ASSIGNED_TO')).toEqual([`front:tea_55c8 ${at} null source_update`]);
    expect(statements(said, 'TAGGED')).toEqual([`front:tag_13o8r1 ${at} null source_update`]);
    expect(said.singleValued).toEqual(['HAS_STATUS', 'ASSIGNED_TO']);
  });

  test('is tied surely to the shipment of its link and to the load of its own field', () => {
    const observations = observe('frontapp', recordOf('frontapp', 'conversation'));
    const links = about(observations, CONVERSATION).facts.filter(({ type }) => type === 'LINKED_TO');
    expect(links.map(({ object, confidence }) => [object.key, object.name, confidence])).toEqual([
      ['turvo:shipment:1000324868', 'SHIP-2025-10-19-002', 1],
      ['turvo:shipment:custom:SHIP-2025-10-19-002', 'SHIP-2025-10-19-002', 1],
    ]);
    expect(namesOf(about(observations, 'turvo:shipment:custom:SHIP-2025-10-19-002'))).toEqual([
      'Shipment SHIP-2025-10-19-002',
    ]);
  });

  test('may have nobody, and be trashed', () => {
    const record = {
      ...recordOf('frontapp', 'conversation'),
      assignee: null,
      recipient: null,
      status: 'trashed',
      subject: null,
    };
    const said = about(observe('frontapp', record), CONVERSATION);
    expect(said.thing.name).toBe(CONVERSATION);
    expect(statements(said, 'ASSIGNED_TO')).toEqual([]);
    expect(statements(said, 'HAS_STATUS')[0]).toMatch(/^front:status:deleted /);
  });

  test('that was merged is part of the other since then, or since it was read', () => {
    const [said] = observe('frontapp', recordOf('frontapp', 'merge'));
    expect(said!.thing.key).toBe('front:cnv_1abc2c');
    expect(statements(said!, 'MERGED_INTO')).toEqual([`${CONVERSATION} 2025-10-19T14:28:20.500Z null source_event`]);
    for (const record of [
      { merged_from: 'cnv_1', merged_into: 'cnv_2' },
      { id: 'cnv_1', merged_into: 'cnv_2' },
    ]) {
      for (const stream of ['merges', 'conversations', null]) {
        const untold = about(observe('frontapp', record, stream), 'front:cnv_1');
        expect(statements(untold, 'MERGED_INTO')).toEqual(['front:cnv_2 null null ingest']);
      }
    }
  });
});

describe('people and companies', () => {
  test('a comment is on its conversation and was written by a teammate', () => {
    const observations = observe('frontapp', recordOf('frontapp', 'comment-full'));
    const comment = about(observations, 'front:com_2b4c');
    expect(comment.facts.map(({ type, object }) => `${type} ${object.key}`)).toEqual([
      `ON ${CONVERSATION}`,
      'WRITTEN_BY front:tea_55c8',
      'HAS_ATTACHMENT front:attachment:fil_9',
    ]);
    expect(comment).toMatchObject({ text: 'POD checked, bill it.', observedAt: '2025-10-19T14:26:41.200Z' });
    expect(namesOf(about(observations, 'front:tea_55c8'))).toEqual(['Email ops@acme-example.com']);
  });

  test('a contact is known by all its handles and tied to the carrier of its own field and of its link, once', () => {
    const contact = about(observe('frontapp', recordOf('frontapp', 'contact-full')), 'front:crd_77ab');
    expect(namesOf(contact)).toEqual(['Email dispatch@acme-trucking.com', 'Phone +13125550199']);
    expect(statements(contact, 'LINKED_TO')).toEqual([
      'turvo:carrier:204410 2025-10-19T14:10:00.250Z null source_update',
    ]);
    expect(statements(contact, 'BELONGS_TO')).toEqual([
      'acme-trucking.com 2025-10-19T14:10:00.250Z null source_update',
    ]);
  });

  test('a contact found in the list of an account belongs to it, whatever its own record says', () => {
    const record = recordOf('frontapp', 'contact');
    const related = { account: 'https://acme.api.frontapp.com/accounts/acc_9k' };
    const alone = observe('frontapp', record);
    const [contact, beside] = observe('frontapp', { ...record, _links: { related } }, 'account-contacts');
    expect({ ...contact, raw: null }).toEqual({ ...alone[0], raw: null });
    expect(beside).toMatchObject({ thing: contact!.thing, isWhole: false });
    expect(statements(beside!, 'BELONGS_TO')).toEqual(['front:acc_9k null null ingest']);
  });

  test('a handle that is neither mail nor telephone is known under its channel', () => {
    const [contact] = observe('frontapp', { id: 'crd_1', handles: [{ handle: '@acme', source: 'twitter' }] });
    expect(namesOf(contact!)).toEqual(['ExternalId twitter=@acme']);
  });

  test('an account is known by its domains, and its external id is an account’s number in Turvo', () => {
    const account = about(observe('frontapp', recordOf('frontapp', 'account')), 'front:acc_9k');
    expect(namesOf(account)).toEqual(['Domain acme-trucking.com']);
    const [link] = account.facts;
    expect(link).toMatchObject({
      type: 'LINKED_TO',
      confidence: 1,
      object: { type: 'ExternalId', key: 'turvo.account=204410' },
    });
    expect(namesOf(observe('turvo', recordOf('turvo', 'carrier'))[0]!)).toContain('ExternalId turvo.account=204410');
  });

  test('an external id that says what it is of is tied to that', () => {
    const account = observe('frontapp', {
      ...recordOf('frontapp', 'account'),
      external_id: 'turvo-customer-204001',
    })[0]!;
    expect(account.facts.map(({ object }) => object.key)).toEqual(['turvo:customer:204001']);
  });

  test('a teammate is called by their name', () => {
    expect(observe('frontapp', recordOf('frontapp', 'teammate'))[0]!.thing.name).toBe('Olu Reyes');
  });

  test('a tag has the tag above it', () => {
    const record = {
      ...recordOf('frontapp', 'tag'),
      _links: { related: { parent_tag: 'https://acme.api.frontapp.com/tags/tag_1' } },
    };
    expect(statements(observe('frontapp', record)[0]!, 'PARENT')).toEqual([
      'front:tag_1 2023-07-22T04:26:40.000Z null source_update',
    ]);
  });
});

describe('an event', () => {
  const EMITTED = '2025-10-19T14:23:00.500Z';
  const about1 = (record: { [name: string]: Json }) => about(observe('frontapp', record), CONVERSATION);

  test('of a message puts it into its conversation, and that into its inbox', () => {
    const observations = observe('frontapp', recordOf('frontapp', 'event-full'));
    expect(statements(about(observations, CONVERSATION), 'IN_INBOX')).toEqual([
      `front:inb_2k ${EMITTED} null source_event`,
    ]);
    const message = about(observations, MESSAGE);
    expect(message.isWhole).toBe(false);
    expect(statements(message, 'PART_OF')).toEqual([`${CONVERSATION} ${AT} null source_event`]);
  });

  test('says the same from a rule, from an application and from the API', () => {
    expect(observe('frontapp', recordOf('frontapp', 'webhook-app'))).toEqual(
      observe('frontapp', recordOf('frontapp', 'event-full')),
    );
  });

  test('of assigning begins, and of unassigning ends', () => {
    const target = { _meta: { type: 'teammate' }, data: recordOf('frontapp', 'teammate') };
    expect(statements(about1(eventOf('assign', target)), 'ASSIGNED_TO')).toEqual([
      `front:tea_55c8 ${EMITTED} null source_event`,
    ]);
    expect(about1(eventOf('assign', target)).singleValued).toEqual(['ASSIGNED_TO']);
    expect(statements(about1(eventOf('unassign', target)), 'ASSIGNED_TO')).toEqual([
      `front:tea_55c8 null ${EMITTED} source_event`,
    ]);
  });

  test('of tagging begins, and of untagging ends', () => {
    const target = { _meta: { type: 'tag' }, data: { id: 'tag_1', name: 'POD' } };
    expect(statements(about1(eventOf('tag', target)), 'TAGGED')).toEqual([`front:tag_1 ${EMITTED} null source_event`]);
    expect(statements(about1(eventOf('untag', target)), 'TAGGED')).toEqual([
      `front:tag_1 null ${EMITTED} source_event`,
    ]);
  });

  test.each([
    ['archive', 'archived'],
    ['trash', 'deleted'],
    ['reopen', 'unassigned'],
    ['restore', 'unassigned'],
  ])('of the type %s puts its conversation into the status %s', (type, status) => {
    expect(statements(about1(eventOf(type, null)), 'HAS_STATUS')).toEqual([
      `front:status:${status} ${EMITTED} null source_event`,
    ]);
  });

  test('that opens again what is archived by now does not say that it was', () => {
    const conversation = { id: 'cnv_1abc2d', status: 'archived' };
    expect(statements(about1(eventOf('reopen', null, { conversation })), 'HAS_STATUS')[0]).toMatch(
      /^front:status:open /,
    );
  });

  test('of moving names the inboxes, and ends what was before where there is one', () => {
    const inboxes = [
      { id: 'inb_1', name: 'A' },
      { id: 'inb_2', name: 'B' },
    ];
    const one = about1(eventOf('move', { _meta: { type: 'inboxes' }, data: inboxes.slice(0, 1) }));
    const two = about1(eventOf('move', { _meta: { type: 'inboxes' }, data: inboxes }));
    expect(one.singleValued).toEqual(['IN_INBOX']);
    expect(two.singleValued).toEqual([]);
    expect(statements(two, 'IN_INBOX')).toHaveLength(2);
  });

  test.each([
    ['ids', ['cnv_1', 'cnv_2']],
    ['objects', [{ id: 'cnv_1' }, { id: 'cnv_2' }]],
    ['an object with ids', { ids: ['cnv_1', 'cnv_2'] }],
  ])('of merging says of each old conversation what it became: %s', (_, data) => {
    const observations = observe(
      'frontapp',
      eventOf('conversations_merged', { _meta: { type: 'deleted_conversation_ids' }, data }),
    );
    for (const key of ['front:cnv_1', 'front:cnv_2']) {
      expect(statements(about(observations, key), 'MERGED_INTO')).toEqual([
        `${CONVERSATION} ${EMITTED} null source_event`,
      ]);
    }
  });

  test('of a link begins or ends a tie', () => {
    const data = { id: 'top_1', name: 'SHIP-1', external_url: 'https://app.turvo.com/#/acme/shipments/7/details' };
    const target = { _meta: { type: 'link' }, data };
    expect(statements(about1(eventOf('link_added', target)), 'LINKED_TO')).toEqual([
      `turvo:shipment:7 ${EMITTED} null source_event`,
    ]);
    expect(statements(about1(eventOf('link_removed', target)), 'LINKED_TO')).toEqual([
      `turvo:shipment:7 null ${EMITTED} source_event`,
    ]);
  });

  test('of a comment hands it over with its conversation', () => {
    const data = recordOf('frontapp', 'comment');
    const comment = about(
      observe('frontapp', eventOf('comment', { _meta: { type: 'comment' }, data })),
      'front:com_2b4c',
    );
    expect(comment).toMatchObject({ isWhole: true, text: 'POD checked, bill it.' });
    expect(statements(comment, 'ON')).toEqual([`${CONVERSATION} 2025-10-19T14:26:41.200Z null source_event`]);
  });

  test.each([
    [eventOf('topic_identified', null), /topic_identified/],
    [eventOf('inbound', null, { conversation: null }), /inbound/],
    [{ type: 'sync', authorization: { id: 'cmp_1' } }, /set-up check/],
  ])('that says nothing is ignored, and told why: %#', (record, reason) => {
    expect(mapRecord('frontapp', record)).toEqual({ kind: 'ignored', reason: expect.stringMatching(reason) });
  });
});

describe('a record of a stream has that stream’s shape first', () => {
  test.each([
    ['conversations', { id: 'x1' }, 'conversation'],
    ['conversations', recordOf('frontapp', 'merge'), 'merge'],
    ['messages', { id: 'x1' }, 'message'],
    ['events', { id: 'x1' }, 'event'],
    ['tags', { id: 'x1' }, 'tag'],
    ['accounts', { id: 'x1' }, 'account'],
    ['account-contacts', { id: 'x1' }, 'contact'],
    ['comments', { id: 'x1' }, 'comment'],
    ['messages', recordOf('frontapp', 'webhook-app'), 'app webhook'],
    ['messages', recordOf('frontapp', 'seed'), 'seed'],
    [null, { id: 'x1' }, null],
    [null, { id: 'inb_1' }, null],
  ])('%s', (stream, record, shape) => {
    expect(mapper.shapeOf(record, stream)).toBe(shape);
  });
});
