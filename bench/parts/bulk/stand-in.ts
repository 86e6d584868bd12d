// The stand-in for Qdrant in a process of its own, so that its time is not the loader's: prints its address, ends with standard input.
import { openQdrantStandIn } from '../../../tests/servers/qdrant/stand-in.ts';

const { url } = await openQdrantStandIn({ isForgetful: true });
console.log(url);
process.stdin.resume().on('end', () => process.exit());
