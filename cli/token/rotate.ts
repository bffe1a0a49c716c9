/** `thaw token rotate`. */
import type { Command } from 'commander'
import { duration } from '#agent/flags/flag.ts'
import { rotateToken } from '#lib/auth/edit-tokens.ts'
import { subcommand } from '../subcommand.ts'
import type { CliContext } from '../context.ts'
import {
  editParts,
  endMs,
  expires,
  oldSecretUntilMs,
  OUTPUT,
  REFERENCE,
  tellIssued,
  timeText,
} from './token-parts.ts'

const FLAGS = {
  overlap: duration('24h', 'how long the old secret goes on to open the door; 0s ends it at once'),
  expires: expires(
    '',
    'a new end of the token: 90d, a time, or never; without it the one that it has',
  ),
  output: OUTPUT,
} as const

export function rotateCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'rotate',
    description:
      'Gives a token a new secret, while the old one goes on to open the door for a while.',
    words: REFERENCE,
    flags: FLAGS,
    help: HELP,
    timeout: '1m',
    async run({ flags, words, bucket, signal }) {
      const nowMs = context.now()
      const issued = await rotateToken(await editParts(bucket, context, signal), words[0]!, {
        overlapMs: flags.overlap,
        expiresMs: endMs(flags.expires, nowMs),
      })
      const untilMs = oldSecretUntilMs(issued.token, nowMs)
      const note =
        untilMs === undefined
          ? 'the old secret is refused within a minute\n'
          : `the old secret opens the door until ${timeText(untilMs)}\n`
      context.write(tellIssued(issued, flags.output, nowMs, note))
    },
  })
}

const HELP = `Name, id, tenant and scopes stay. Put the new secret wherever the old one is, then wait, or rotate once more with --overlap=0s.

Examples:
  $ thaw token rotate grafana --objstore.config-file=bucket.yml
  $ thaw token rotate grafana --overlap=0s --objstore.config-file=bucket.yml   the old one leaked
  $ thaw token rotate grafana --expires=365d --objstore.config-file=bucket.yml
`
