/** `thaw rules`: checks and tests rule files, and keeps those in the bucket. */
import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { checkCommand } from './check.ts'
import { lsCommand } from './ls.ts'
import { pushCommand } from './push.ts'
import { rmCommand } from './rm.ts'
import { testCommand } from './test.ts'

export function rulesCommand(context: CliContext): Command {
  return new Command('rules')
    .description('Checks and tests rule files, and keeps those in the bucket.')
    .addHelpText('after', HELP)
    .addCommand(checkCommand(context))
    .addCommand(testCommand(context))
    .addCommand(pushCommand(context))
    .addCommand(lsCommand(context))
    .addCommand(rmCommand(context))
}

const HELP = `
Rule files are Prometheus's. Those in the bucket are evaluated each minute, and a change is seen by the next evaluation, or within five minutes where
nothing tells the function of it:
  $ thaw rules check rules/*.yaml
  $ thaw rules test tests/*.yaml
  $ thaw rules push rules/ --objstore.config-file=bucket.yml
  $ thaw rules ls --objstore.config-file=bucket.yml
`
