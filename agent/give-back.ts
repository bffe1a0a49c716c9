/** Memory that is not needed any more, given back to the system. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * A whole garbage collection. What a fresh block leaves behind are buffers outside of V8's heap, of which V8 lets about 64 MB gather
 * before it looks: most of what a small agent would hold. Takes some milliseconds, more where there are many series.
 */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  return () => collect()
}
