import { InvalidArgumentError, Option } from 'commander';

/** The flag of every command that is about the documents of one group. */
export function groupFlag(summary = 'the group (tenant) of the documents; by default APEX_GROUP'): Option {
  return new Option('--group <name>', summary).argParser((name: string) => {
    // An empty text comes from a variable that is not set.
    if (name === '') throw new InvalidArgumentError('It is empty: give a name or leave it out.');
    return name;
  });
}
