"""Opens what apex wrote with the code of its readers, and compares it with what apex has in its records.

Takes one JSON object on standard input (see interop.ts) and prints a line for each thing that was read. Ends with 1 at the first that
is not what it should be.
"""

import asyncio
import json
import logging
import sys
from datetime import datetime, timezone

import neo4j
from graphiti_core.driver.neo4j_driver import Neo4jDriver
from graphiti_core.edges import EntityEdge, EpisodicEdge
from graphiti_core.nodes import EntityNode, EpisodicNode
from graphiti_core.search.search_filters import SearchFilters
from graphiti_core.search.search_utils import edge_fulltext_search, node_fulltext_search
from graphiti_core.utils.maintenance.graph_data_operations import retrieve_episodes
from neo4j_graphrag.experimental.components.neo4j_reader import Neo4jChunkReader
from neo4j_graphrag.retrievers import QdrantNeo4jRetriever, VectorRetriever
from qdrant_client import QdrantClient, models


def equal(what, read, expected):
    """Prints what was read; the whole comparison fails at the first difference."""
    if read != expected:
        print(f'✗ {what}: read {str(read)[:300]}, expected {str(expected)[:300]}')
        sys.exit(1)
    print(f'✓ {what}' if isinstance(read, str) else f'✓ {what}: {read if isinstance(read, int) else len(read)}')


async def graphiti(place, group, expected):
    driver = Neo4jDriver(place['uri'], place['username'], place['password'])
    episodes = await EpisodicNode.get_by_group_ids(driver, [group])
    equal('Graphiti, episodes by name', sorted(episode.name for episode in episodes), expected['documents'])
    contents = sorted(episode.content.split('\n\n')[0][:100] for episode in episodes)
    equal('Graphiti, how their contents begin', contents, expected['beginnings'])
    entities = await EntityNode.get_by_group_ids(driver, [group])
    equal('Graphiti, entities by name', sorted(entity.name for entity in entities), expected['entities'])
    edges = await EntityEdge.get_by_group_ids(driver, [group])
    equal('Graphiti, facts in their words', sorted(edge.fact for edge in edges), expected['facts'])
    dated = [edge.valid_at.date().isoformat() for edge in edges if edge.valid_at is not None]
    equal('Graphiti, since when facts hold', sorted(dated), expected['validAt'])
    mentions = await EpisodicEdge.get_by_group_ids(driver, [group])
    equal('Graphiti, mentions of entities by episodes', len(mentions), expected['episodeMentions'])
    listed = {uuid for episode in episodes for uuid in episode.entity_edges}
    equal('Graphiti, facts that episodes list', listed, {edge.uuid for edge in edges})
    recent = await retrieve_episodes(driver, datetime.now(timezone.utc), last_n=100, group_ids=[group])
    equal('Graphiti, episodes until now', len(recent), len(expected['documents']))
    found = await node_fulltext_search(driver, expected['word'], SearchFilters(), [group], limit=100)
    equal('Graphiti, entities by full text', sorted(node.name for node in found), expected['entitiesWithWord'])
    facts = await edge_fulltext_search(driver, expected['word'], SearchFilters(), [group], limit=100)
    equal('Graphiti, facts by full text', sorted(edge.fact for edge in facts), expected['factsWithWord'])
    await driver.close()


def live(memory):
    marks = {'metadata.live': True, 'memory': memory}
    return models.Filter(
        must=[models.FieldCondition(key=key, match=models.MatchValue(value=value)) for key, value in marks.items()]
    )


def neo4j_graphrag(place, qdrant, expected):
    client = QdrantClient(url=qdrant['url'], api_key=qdrant['apiKey'] or None, check_compatibility=False)
    points, _ = client.scroll(
        qdrant['collection'], scroll_filter=live(expected['memory']), limit=1000, with_vectors=True
    )
    texts = {point.payload['id']: point.payload['text'] for point in points}
    equal('qdrant-client, texts of points by chunk', texts, expected['texts'])
    auth = (place['username'], place['password'])
    with neo4j.GraphDatabase.driver(place['uri'], auth=auth) as driver:
        retriever = QdrantNeo4jRetriever(
            driver=driver,
            client=client,
            collection_name=qdrant['collection'],
            id_property_neo4j='id',
            node_label_neo4j='Chunk',
            return_properties=['id', 'text'],
        )
        first = {}
        for point in points:
            found = retriever.get_search_results(
                query_vector=point.vector, top_k=1, query_filter=live(expected['memory'])
            )
            node = found.records[0]['node']
            first[node['id']] = node['text']
        equal('neo4j-graphrag, the nearest chunk by QdrantNeo4jRetriever', first, expected['texts'])
        chunks = asyncio.run(Neo4jChunkReader(driver).run()).chunks
        own = {str(chunk.uid): chunk.text for chunk in chunks if str(chunk.uid) in expected['texts']}
        equal('neo4j-graphrag, chunks by Neo4jChunkReader', own, expected['texts'])
        # A limit of what apex writes, told in docs/servers.md.
        try:
            VectorRetriever(driver, 'vector')
            print('! neo4j-graphrag, VectorRetriever: somebody has made an index named vector')
        except Exception as error:
            equal('neo4j-graphrag, VectorRetriever finds no vectors in the graph', str(error)[:28], 'No index with name vector fo')


def main():
    # Graphiti asks for properties that no fact has yet, which the server remarks on at length.
    logging.getLogger('neo4j.notifications').setLevel(logging.ERROR)
    given = json.load(sys.stdin)
    asyncio.run(graphiti(given['neo4j'], given['group'], given['expected']))
    neo4j_graphrag(given['neo4j'], given['qdrant'], given['expected'])


main()
