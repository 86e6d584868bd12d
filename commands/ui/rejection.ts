import type { Rejection } from '../../lib/contracts/apex.ts';
import { shownPlace } from './figures.ts';
import { safeText } from './text.ts';

/** Which record of what, and why. Safe on a terminal. */
export function rejectionText({ uri, place, path, reason }: Rejection): string {
  return safeText(`${place} of ${shownPlace(uri)}: ${path === '' ? '' : `${path}: `}${reason}`);
}

/** As `--json` prints it. */
export function rejectionJson({ uri, place, path, reason }: Rejection) {
  return { event: 'rejected', uri, place, path, reason };
}
