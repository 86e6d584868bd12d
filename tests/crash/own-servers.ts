import type { Role } from '../../lib/contracts/store.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { postgres } from '../servers/postgres.ts';
import { redis } from '../servers/redis.ts';
import { type ServerProgram, type StartedServer, startServer } from '../servers/start.ts';

const PROGRAMS: { readonly [role in Role]?: () => ServerProgram | Promise<ServerProgram> } = {
  records: postgres,
  graph: neo4jServer,
  cache: () => redis,
};

/** Servers that only one test uses, because it kills and holds them; each is started when it is first asked for. */
export class OwnServers {
  readonly #started = new Map<Role, Promise<StartedServer>>();

  of(role: Role): Promise<StartedServer> {
    const started = this.#started.get(role) ?? this.#start(role);
    this.#started.set(role, started);
    return started;
  }

  async #start(role: Role): Promise<StartedServer> {
    const program = PROGRAMS[role];
    if (program === undefined) throw new Error(`no server for ${role} can be started`);
    return startServer(await program());
  }

  /** Stops all of them. */
  async stop(): Promise<void> {
    for (const started of this.#started.values()) await (await started).stop();
  }
}
