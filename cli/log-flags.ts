/** Flags of every process that logs. */
import { type Command, Option } from 'commander'

export function addLogFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--log.level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log.format <format>', 'form of log lines')
        .choices(['logfmt', 'json', 'journald'])
        .default('logfmt'),
    )
}
