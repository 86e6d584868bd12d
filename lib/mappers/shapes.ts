import type { JsonObject, Mapped, RecordMapper } from '../contracts/feed.ts';
import { Fields, mapped } from './fields.ts';

/** One shape of a source's records. */
export interface Shape {
  /** For messages and the generated table. */
  readonly name: string;
  /** Streams whose records have this shape, in lower case; null: no stream has it. */
  readonly stream: RegExp | null;
  /** Whether a record of such a stream has it. Default: it has an id. */
  readonly isOfStream?: (fields: Fields) => boolean;
  /** Whether a record of unknown origin has it. */
  isLike(fields: Fields): boolean;
  map(fields: Fields): Mapped;
}

/** A mapper that tries a stream's own shapes first and then all, each in their order. */
export function mapperOf(
  settings: Pick<RecordMapper, 'source' | 'version'> & { shapes: readonly Shape[] },
): RecordMapper {
  const { source, version, shapes } = settings;
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  return {
    source,
    version,
    shapes: shapes.map(({ name }) => name),
    shapeOf(value, stream) {
      const fields = new Fields(value);
      return (ofStream(shapes, fields, stream) ?? shapes.find((shape) => shape.isLike(fields)))?.name ?? null;
    },
    map(value: JsonObject, shape: string) {
      return mapped(() => byName.get(shape)!.map(new Fields(value)));
    },
  };
}

function ofStream(shapes: readonly Shape[], fields: Fields, stream: string | null): Shape | undefined {
  if (stream === null) return undefined;
  const name = stream.toLowerCase();
  const pattern = shapes.find((shape) => shape.stream?.test(name))?.stream?.source;
  if (pattern === undefined) return undefined;
  return shapes.find((shape) => shape.stream?.source === pattern && (shape.isOfStream ?? hasId)(fields));
}

/** Records have one and the envelopes of webhooks have none. */
function hasId(fields: Fields): boolean {
  return fields.has('id');
}
