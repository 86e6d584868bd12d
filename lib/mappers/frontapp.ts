import type { Fields } from './fields.ts';
import { mapConversation, mapMerge } from './frontapp-conversations.ts';
import { mapAppWebhook, mapEvent } from './frontapp-events.ts';
import { FRONT_FIELDS } from './frontapp-fields.ts';
import { mapComment, mapMessage, mapSeed } from './frontapp-messages.ts';
import { mapAccount, mapContact, mapTag, mapTeammate } from './frontapp-people.ts';
import { defineMapper } from './index.ts';
import { mapperOf, type Shape } from './shapes.ts';

const SHAPES: readonly Shape[] = [
  {
    name: 'app webhook',
    stream: null,
    isLike: (fields) => fields.has('authorization') && (fields.has('payload') || fields.any('type') === 'sync'),
    map: mapAppWebhook,
  },
  {
    name: 'event',
    stream: /event/,
    isLike: (fields) => hasPrefix(fields, 'evt_') || (fields.has('emitted_at') && fields.has('conversation')),
    map: mapEvent,
  },
  {
    name: 'merge',
    stream: /conversation|merge/,
    isOfStream: (fields) => fields.has('merged_into'),
    isLike: (fields) => fields.has('merged_into') && (fields.has('merged_from') || hasPrefix(fields, 'cnv_')),
    map: mapMerge,
  },
  entityShape('conversation', 'cnv_', /conversation|merge/, mapConversation),
  entityShape('message', 'msg_', /message/, (fields) => mapMessage(fields)),
  entityShape('comment', 'com_', /comment/, (fields) => mapComment(fields)),
  entityShape('contact', 'crd_', /contact/, mapContact),
  entityShape('account', 'acc_', /account/, mapAccount),
  entityShape('tag', 'tag_', /tag/, mapTag),
  entityShape('teammate', 'tea_', /teammate/, mapTeammate),
  {
    name: 'seed',
    stream: null,
    isLike: (fields) => fields.has('message_id') && fields.has('sender'),
    map: mapSeed,
  },
];

/** A record whose id tells what it is. */
function entityShape(name: string, prefix: string, stream: RegExp, map: Shape['map']): Shape {
  return { name, stream, isLike: (fields) => hasPrefix(fields, prefix), map };
}

function hasPrefix(fields: Fields, prefix: string): boolean {
  const id = fields.any('id');
  return typeof id === 'string' && id.startsWith(prefix);
}

/** Front: conversations, messages, comments, the people and companies behind them, and events; its webhooks; the short form of a message. */
export default defineMapper({
  mapper: mapperOf({ source: 'frontapp', version: 'frontapp-1', shapes: SHAPES }),
  fields: FRONT_FIELDS,
});
