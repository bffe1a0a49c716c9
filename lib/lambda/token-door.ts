/** The door of whatever has nobody in front that asks: the tokens of its bucket. */
import type { Door } from '#lib/api/door.ts'
import type { TokenReader } from '#lib/auth/token-reader.ts'

/** `info` is told of every refusal, with the id of the token where it was one's; never of a secret. */
export function tokenDoor(
  reader: TokenReader,
  info: (entry: Readonly<Record<string, string>>, message: string) => void,
): Door {
  return {
    async callerOf(request) {
      const verdict = await reader.verify(request.headers.get('authorization') ?? undefined)
      if ('caller' in verdict) return verdict.caller
      const { reason, tokenId } = verdict.refusal
      const { pathname } = new URL(request.url)
      info({ reason, ...(tokenId !== undefined && { token: tokenId }), path: pathname }, 'refused')
      return undefined
    },
    forbidden: ({ caller, scope, path }) => info({ token: caller.id, scope, path }, 'forbidden'),
  }
}
