// The stand-in for Qdrant in a process of its own, so that its time is not the loader's: prints its address, ends with standard input.
import { openQdrantStandIn } from '../../../tests/servers/qdrant/stand-in.ts';

const { url, seen } = await openQdrantStandIn();
console.log(url);
// It keeps every request for tests to look at, and 100,000 points are many gigabytes of them.
setInterval(() => {
  (seen as unknown[]).length = 0;
}, 100);
process.stdin.resume().on('end', () => process.exit());
