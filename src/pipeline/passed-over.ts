import type { SourceRoot } from '../../lib/contracts/source.ts';

/** Tells of what was passed over in a place that was listed, where there was any: nobody shall wonder where it is. */
export function tellPassedOver(
  { target, passedOver }: SourceRoot,
  onEvent: (event: { readonly kind: 'warning'; readonly code: string; readonly message: string }) => void,
): void {
  if (passedOver === undefined) return;
  const message = `${target}: ${passedOver.what} were passed over (${passedOver.count})`;
  onEvent({ kind: 'warning', code: 'PASSED_OVER', message });
}
