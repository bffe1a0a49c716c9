/** `thaw bucket`: looks into a bucket and keeps it in order. */
import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { backfillCommand } from './backfill.ts'
import { explainCommand } from './explain.ts'
import { cleanupCommand, retentionCommand } from './cleanup.ts'
import { compactCommand, downsampleCommand } from './compact.ts'
import { inspectCommand } from './inspect.ts'
import { lsCommand } from './ls.ts'
import { markCommand, unmarkCommand } from './mark.ts'
import { planCommand } from './plan.ts'
import { replicateCommand } from './replicate.ts'
import { rewriteCommand } from './rewrite.ts'
import { uploadBlocksCommand } from './upload-blocks.ts'
import { verifyCommand } from './verify.ts'

export function bucketCommand(context: CliContext): Command {
  return new Command('bucket')
    .description('Looks into a bucket and keeps it in order.')
    .addCommand(lsCommand(context))
    .addCommand(inspectCommand(context))
    .addCommand(planCommand(context))
    .addCommand(explainCommand(context))
    .addCommand(markCommand(context))
    .addCommand(unmarkCommand(context))
    .addCommand(cleanupCommand(context))
    .addCommand(retentionCommand(context))
    .addCommand(downsampleCommand(context))
    .addCommand(compactCommand(context))
    .addCommand(replicateCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(rewriteCommand(context))
    .addCommand(uploadBlocksCommand(context))
    .addCommand(backfillCommand(context))
}
