/** `thaw token create`. */
import type { Command } from 'commander'
import { list, text } from '#agent/flags/flag.ts'
import { createToken } from '#lib/auth/edit-tokens.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import { subcommand } from '../subcommand.ts'
import type { CliContext } from '../context.ts'
import { editParts, endMs, expires, OUTPUT, tellIssued } from './token-parts.ts'

const FLAGS = {
  tenant: text(
    '',
    'tenant that its holder is: no other data are seen, whatever a request says',
    'name',
  ),
  scope: {
    ...list(
      'name',
      'what its holder may, read without it; may be repeated: read (queries), write (samples come in), admin (changes things, or sees insides)',
    ),
    parse: parseScopes,
  },
  expires: expires('365d', 'how long it opens the door, such as 90d; a time; or never'),
  output: OUTPUT,
} as const

export function createCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'create',
    description: 'Makes a token and shows it, this once.',
    words: ['<name>', 'what it is for: the user name of basic authentication'],
    flags: FLAGS,
    help: HELP,
    timeout: '1m',
    async run({ flags, words, bucket, signal }) {
      const nowMs = context.now()
      const expiresMs = endMs(flags.expires, nowMs)
      const issued = await createToken(await editParts(bucket, context, signal), {
        name: words[0]!,
        ...(flags.tenant !== '' && { tenant: flags.tenant }),
        scopes: flags.scope.length > 0 ? flags.scope : ['read'],
        ...(expiresMs !== Infinity && { expiresMs }),
      })
      context.write(tellIssued(issued, flags.output, nowMs))
    },
  })
}

const HELP = `A token is one text that is both the password of basic authentication (with its name as the user) and a bearer token. Only its hash is
kept, in the bucket, so it can't be shown again: rotate gives another.
A token without a tenant is of the default tenant where tenancy is enforced; with the scope admin it may name any in a header.

Examples:
  $ thaw token create grafana --objstore.config-file=bucket.yml
  $ thaw token create team-a --tenant=team-a --expires=90d --objstore.config-file=bucket.yml
  $ thaw token create ops --scope=read --scope=admin -o json --objstore.config-file=bucket.yml | jq -r .token > ops.token
`

function parseScopes(value: string): readonly AccessScope[] {
  if (value === '') return []
  return value.split(',').map((word) => {
    const scope = SCOPES.find((one) => one === word.trim())
    if (scope) return scope
    throw new DomainError('invalid', `write one of ${SCOPES.join(', ')}`)
  })
}
