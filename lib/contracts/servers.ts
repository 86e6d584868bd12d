/** Which roles of the memory a server plays, and where it is; the others are embedded. */
export interface Servers {
  readonly records: RecordsServer | null;
  readonly graph: GraphServer | null;
  readonly vectors: VectorServer | null;
  readonly cache: CacheServer | null;
}

/** A Redis. */
export interface CacheServer {
  /** `redis://` or, over TLS, `rediss://`; with user, password and number of the database. */
  readonly url: string;
  /** How long an entry is kept that nobody removes. */
  readonly ttlMs: number;
}

/** A server whose answers are waited for. */
interface Waited {
  /** How long an answer is waited for, about; left out, as long as suits the server. */
  readonly answerMs?: number;
}

/** A PostgreSQL. */
export interface RecordsServer extends Waited {
  /** `postgres://` or `postgresql://`, with user, password, database and `sslmode`. */
  readonly url: string;
  /** The schema that apex makes its tables in. */
  readonly schema: string;
  /** How long a run is held for a process on this host that falls silent. */
  readonly leaseMs: number;
}

/** A Neo4j. */
export interface GraphServer extends Waited {
  /** `bolt://` or `neo4j://`, or either with `+s` over TLS. */
  readonly uri: string;
  readonly username: string;
  readonly password: string;
}

/** A Qdrant. */
export interface VectorServer extends Waited {
  /** `http://` or `https://`. */
  readonly url: string;
  readonly apiKey: string | null;
  /** How the names of its collections begin. */
  readonly collection: string;
}
