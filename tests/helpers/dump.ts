import { join } from 'node:path';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';

/**
 * All that a memory holds of its documents, run ids, version numbers and ids derived from them aside: what design promise 1
 * compares. Rows of versions that are not current show up as leftovers.
 *
 * @param isWanted which documents count, by location.
 */
export function dumpMemory(
  home: string,
  isWanted: (sourceUri: string) => boolean = () => true,
): Record<string, unknown[]> {
  const db = new Database(join(home, 'memory.db'), { readonly: true });
  db.loadExtension(getLoadablePath());
  const all = (sql: string): Record<string, unknown>[] => db.prepare(sql).all() as Record<string, unknown>[];
  try {
    const versions =
      all(`SELECT document_id, source_uri, state, uuid, name, parent_id, media_type, bytes, content_digest, title, stated_at,
      metadata, warnings, chunks, entities, relations FROM version ORDER BY document_id, version`);
    const wanted = new Set(
      versions.filter(({ source_uri }) => isWanted(String(source_uri))).map(({ document_id }) => document_id),
    );
    const ofWanted = (rows: Record<string, unknown>[]) => rows.filter(({ document_id }) => wanted.has(document_id));
    const isCurrent =
      "EXISTS (SELECT 1 FROM version v WHERE v.document_id = x.document_id AND v.version = x.version AND v.state = 'current')";
    const leftovers = ['chunk', 'fact', 'graph_document', 'graph_chunk', 'mention', 'relation', 'point'].map(
      (table) => ({
        table,
        rows: all(`SELECT count(*) AS rows FROM ${table} x WHERE NOT ${isCurrent}`)[0]!['rows'],
      }),
    );
    return {
      documents: ofWanted(versions),
      chunks: ofWanted(
        all(
          'SELECT document_id, ordinal, text, heading_path, start, end, page, token_count FROM chunk ORDER BY document_id, ordinal',
        ),
      ),
      vectors: ofWanted(
        all(`SELECT p.document_id, c.ordinal, hex(v.embedding) AS vector, v.is_live FROM point p JOIN point_vector v ON v.point_row = p.point_row
             JOIN chunk c ON c.chunk_id = p.chunk_id ORDER BY p.document_id, c.ordinal`),
      ),
      graphDocuments: ofWanted(
        all('SELECT document_id, source_uri, title, content_digest, is_live FROM graph_document ORDER BY document_id'),
      ),
      graphChunks: ofWanted(all('SELECT document_id, ordinal FROM graph_chunk ORDER BY document_id, ordinal')),
      mentions: ofWanted(
        all(`SELECT m.document_id, c.ordinal, e.type, e.key, m.name, m.start, m.end, m.quote FROM mention m
             JOIN graph_chunk c ON c.chunk_id = m.chunk_id JOIN entity e ON e.entity_id = m.entity_id
             ORDER BY m.document_id, c.ordinal, m.start, e.type, e.key`),
      ),
      relations: ofWanted(
        all(`SELECT r.document_id, r.type, s.key AS subject, o.key AS object, c.ordinal, r.quote, r.valid_at, r.invalid_at, r.expired_at IS NULL AS holds
             FROM relation r JOIN entity s ON s.entity_id = r.subject_id JOIN entity o ON o.entity_id = r.object_id
             JOIN graph_chunk c ON c.chunk_id = r.chunk_id ORDER BY r.document_id, r.type, subject, object, c.ordinal, r.valid_at`),
      ),
      facts: ofWanted(
        all(
          'SELECT document_id, type, quote, valid_at FROM fact ORDER BY document_id, type, subject_id, object_id, quote, valid_at',
        ),
      ),
      quarantine: atWanted(all('SELECT document_id, source_uri, code FROM quarantine ORDER BY document_id'), isWanted),
      leftovers,
      unsettled: all("SELECT document_id, state FROM version WHERE state <> 'current'"),
      unmentioned: all(
        'SELECT key FROM entity e WHERE NOT EXISTS (SELECT 1 FROM mention m WHERE m.entity_id = e.entity_id)',
      ),
    };
  } finally {
    db.close();
  }
}

function atWanted(
  rows: Record<string, unknown>[],
  isWanted: (sourceUri: string) => boolean,
): Record<string, unknown>[] {
  return rows.filter(({ source_uri }) => isWanted(String(source_uri)));
}
