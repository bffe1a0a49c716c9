/** The lines of flags that the functions get: what the options say, then what the operator wrote. */
import type { StackOptions } from './stack-options.ts'

export type FlagLines = Pick<StackOptions, 'queryFlags' | 'compactFlags' | 'ruleFlags'>

/** Each flag that an option stands for, by option; '' where the option says nothing. */
export function optionFlags(
  options: StackOptions,
): Record<keyof FlagLines, Record<string, string>> {
  const days = (flag: string, value: number): string => (value === 0 ? '' : `--${flag}=${value}d`)
  return {
    queryFlags: {
      enforceTenancy: options.enforceTenancy ? '--query.enforce-tenancy' : '',
      tenantLabel:
        options.tenantLabel === '' ? '' : `--query.tenant-label-name=${options.tenantLabel}`,
    },
    compactFlags: {
      retentionRawDays: days('retention.resolution-raw', options.retentionRawDays),
      retention5mDays: days('retention.resolution-5m', options.retention5mDays),
      retention1hDays: days('retention.resolution-1h', options.retention1hDays),
    },
    ruleFlags: {
      alertmanagers: options.alertmanagers.map((url) => `--alertmanagers.url=${url}`).join(' '),
    },
  }
}

export function flagLines(options: StackOptions): FlagLines {
  const line = (name: keyof FlagLines): string =>
    [...Object.values(optionFlags(options)[name]), options[name]]
      .filter((part) => part !== '')
      .join(' ')
  return {
    queryFlags: line('queryFlags'),
    compactFlags: line('compactFlags'),
    ruleFlags: line('ruleFlags'),
  }
}
