/** Which roles of the memory a server plays, and where it is; the others are embedded. */
export interface Servers {
  readonly cache: CacheServer | null;
}

/** A Redis. */
export interface CacheServer {
  /** `redis://` or, over TLS, `rediss://`; with user, password and number of the database. */
  readonly url: string;
  /** How long an entry is kept that nobody removes. */
  readonly ttlMs: number;
}
