/** `thaw token`: who may ask. */
import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'
import { rotateCommand } from './rotate.ts'

export function tokenCommand(context: CliContext): Command {
  return new Command('token')
    .description('Makes the tokens that open the HTTP API, lists and revokes them.')
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(rotateCommand(context))
    .addCommand(revokeCommand(context))
}
