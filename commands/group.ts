import type { Command } from 'commander';

/**
 * Tells a mistyped name of a group's command from an argument too many of its default one, which commander takes it for.
 *
 * @param byDefault what the group does when no command is named; it takes no arguments.
 */
export function refuseUnknown(group: Command, byDefault: Command): void {
  byDefault.allowExcessArguments().hook('preAction', async () => {
    const [extra] = byDefault.args;
    if (extra === undefined) return;
    if (group.args[0] === byDefault.name())
      byDefault.error(`error: ${byDefault.name()} takes no argument, but got '${extra}'`);
    const { nearest } = await import('../src/config/nearest.ts');
    const near = nearest(
      extra,
      group.commands.map((command) => command.name()),
    );
    group.error(`error: unknown command '${extra}'${near === null ? '' : `\n(Did you mean ${near}?)`}`);
  });
}
