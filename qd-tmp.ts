import { writeFileSync } from 'node:fs';
import { openQdrantStandIn } from './tests/servers/qdrant/stand-in.ts';
const s = await openQdrantStandIn();
writeFileSync('/work/brief/qdrant.env', `export QDRANT_URL='${s.url}'\n`);
setInterval(()=>{}, 1e6);
