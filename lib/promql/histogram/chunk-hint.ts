/** What a stored histogram knows of counter resets. */
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { detectReset } from './reset.ts'

/**
 * With the hint it is read back with, after `previous` of the same series; undefined: a float or nothing. A chunk of the TSDB holds no
 * reset, so all but its first histogram are known to be none.
 */
export function withChunkHint(
  histogram: FloatHistogram,
  previous: FloatHistogram | undefined,
): FloatHistogram {
  if (histogram.counterResetHint === 'gauge') return histogram
  const plain = (of: FloatHistogram) => ({ ...of, counterResetHint: 'unknown' as CounterResetHint })
  const continues =
    previous &&
    previous.counterResetHint !== 'gauge' &&
    histogram.counterResetHint !== 'reset' &&
    histogram.schema === previous.schema &&
    histogram.zeroThreshold === previous.zeroThreshold &&
    histogram.customValues.join() === previous.customValues.join() &&
    !detectReset(plain(histogram), plain(previous))
  return { ...histogram, counterResetHint: continues ? 'not-reset' : 'unknown' }
}
