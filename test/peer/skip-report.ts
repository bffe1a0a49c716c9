/** Tests whose peer is not here, skipped one by one with the reason, which the run counts and prints at its end. */
import { describe, it, type TestContext } from 'vitest'
import { isMissing, type Missing } from './cache.ts'

/** Inside of a test: gives the peer, or skips the test with the reason. */
export function needPeer<T extends object>(context: TestContext, peer: T | Missing): T {
  if (isMissing(peer)) return context.skip(peer.missing)
  return peer
}

/** In place of a suite that cannot run at all: one skipped test that says why. */
export function describeSkipped(name: string, { missing }: Missing): void {
  // oxlint-disable-next-line vitest/valid-title -- named by the caller
  describe(name, () => {
    // oxlint-disable-next-line vitest/expect-expect -- it says why nothing can be expected
    it('needs its peer', (context) => {
      context.skip(missing)
    })
  })
}
