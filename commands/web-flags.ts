import type { Command } from 'commander';

/** Adds the flags of a command that takes web addresses. */
export function addWebFlags(command: Command): Command {
  return command
    .option(
      '--header-file <path>',
      'headers for private servers, each below the origin it is for; others may not read the file',
    )
    .option('--allow-http', 'also fetch http:// addresses, which are not encrypted');
}
