/** Every command whose ends are counted: those that change something, and `verify`, whose answer matters as much. */
export const COUNTED_COMMANDS = [
  ...(['ingest', 'ingest-json', 'stage', 'resume', 'retry', 'records retry', 'rollback', 'delete'] as const),
  ...(['verify', 'reconcile', 'cleanup', 'staging cleanup'] as const),
] as const;

/** Is the end of this command counted? @param command as it is typed, without `apex`. */
export function isCounted(command: string): boolean {
  return COUNTED_COMMANDS.some((name) => name === command);
}
