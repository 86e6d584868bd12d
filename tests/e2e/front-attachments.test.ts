import { expect, test } from 'vitest';
import { openFrontCase } from '../helpers/front-case.ts';

/**
 * Goal: files that came in mail are documents like others, each once, at the cost of what is new. Method: the built program asks a
 * loopback server that answers as Front documents; what it was asked is looked at.
 */

test('a conversation stands for the files of all its messages and comments, page after page, without pictures inside the text', async () => {
  const front = await openFrontCase();
  front.api.pageRows = 2;
  for (const number of [1, 2, 3]) front.message('cnv_a', `msg_${number}`, { id: `fil_${number}` });
  front.message('cnv_a', 'msg_4', { id: 'fil_logo', name: 'logo.png', type: 'image/png', isInline: true });
  front.comment('cnv_a', 'com_1', { id: 'fil_5' });
  front.message('cnv_b', 'msg_9', { id: 'fil_9' });
  const { exitCode, outcomes, stderr } = await front.ingest('cnv_a');
  expect([exitCode, stderr]).toEqual([0, 'warning: cnv_a: 1 pictures inside the text were passed over']);
  expect(outcomes).toEqual({
    'front:cnv_a/com_1/fil_5': 'added',
    'front:cnv_a/msg_1/fil_1': 'added',
    'front:cnv_a/msg_2/fil_2': 'added',
    'front:cnv_a/msg_3/fil_3': 'added',
  });
  expect(front.api.requests.some(({ path }) => path.includes('fil_logo'))).toBe(false);
});

test('a document tells what it came in, by whom, when and about what; and is found', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1', name: 'note.txt' });
  await front.ingest('msg_1');
  const [listed] = await front.documents();
  expect(listed).toMatchObject({ source: 'frontapp', source_uri: 'front:cnv_a/msg_1/fil_1', name: 'note.txt' });
  const { lines } = await front.run('documents', 'show', String(listed!['document_id']));
  expect(lines[0]!['document']).toMatchObject({
    metadata: {
      origin: {
        ...{ conversation_id: 'cnv_a', message_id: 'msg_1', attachment_id: 'fil_1', subject: 'Delivery' },
        ...{ sender: 'dispatch@acme-trucking.com', sent_at: '2025-10-09T08:53:21.000Z' },
      },
    },
  });
  expect(await front.search('bay nine')).toHaveLength(1);
});
