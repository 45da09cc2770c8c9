/** A cron expression, ready to be asked. */
export interface Cron {
  /** Whether a minute of the wall clock is named by it. @param at ms since the epoch */
  matches(at: number): boolean
}

interface Field {
  readonly name: string
  readonly low: number
  readonly high: number
  readonly words?: readonly string[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const fields: readonly Field[] = [
  { name: 'minute', low: 0, high: 59 },
  { name: 'hour', low: 0, high: 23 },
  { name: 'day of the month', low: 1, high: 31 },
  { name: 'month', low: 1, high: 12, words: months },
  // 7 is Sunday, too.
  { name: 'day of the week', low: 0, high: 7, words: days },
]

const numberOf = (text: string, { low, high, words }: Field): number | undefined => {
  const word = words?.indexOf(text.toLowerCase()) ?? -1
  if (word !== -1) return word + low
  if (!/^\d{1,2}$/.test(text)) return undefined
  const value = Number(text)
  return value >= low && value <= high ? value : undefined
}

/** The values of one part such as `1-5`, `*` or `8-18/2`; undefined when it is not one. */
const valuesOf = (part: string, field: Field): readonly number[] | undefined => {
  const [range = '', every, ...more] = part.split('/')
  if (more.length > 0 || (every !== undefined && !/^[1-9]\d?$/.test(every))) return undefined
  const ends = range === '*' ? [field.low, field.high] : range.split('-').map((end) => numberOf(end, field))
  const [from, to = every === undefined ? from : field.high] = ends
  if (ends.length > 2 || ends.includes(undefined) || from === undefined || to === undefined || from > to) return undefined
  const step = Number(every ?? 1)
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)
}

const setOf = (text: string, field: Field): ReadonlySet<number> | string => {
  const parts = text.split(',').map((part) => ({ part, values: valuesOf(part, field) }))
  const wrong = parts.find(({ values }) => values === undefined)
  if (wrong !== undefined) return `${wrong.part === '' ? 'an empty part' : wrong.part} is no ${field.name}`
  return new Set(parts.flatMap(({ values }) => values ?? []))
}

/** Whether a zone is known here (IANA names, as Intl takes them). */
export const isTimeZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }) !== undefined
  } catch {
    return false
  }
}

/** Minute, hour, day, month and day of the week on the wall clock of a zone. */
const clockOf = (timeZone: string): ((at: number) => readonly number[]) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    minute: 'numeric',
    hour: 'numeric',
    day: 'numeric',
    month: 'numeric',
    weekday: 'short',
  })
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const weekday = days.indexOf((parts.get('weekday') ?? '').toLowerCase())
    return [...['minute', 'hour', 'day', 'month'].map((type) => Number(parts.get(type as Intl.DateTimeFormatPartTypes))), weekday]
  }
}

/**
 * Reads a cron expression of five fields, with lists, ranges, steps and the names of months and days. Where both days are given, one of
 * them is enough (POSIX crontab; a field that begins with * is not given, as in Vixie's cron).
 * @param timeZone IANA name
 * @returns a sentence about what is wrong, or what can be asked
 */
export const readCron = (text: string, timeZone: string): Cron | string => {
  const words = text.trim().split(/\s+/)
  if (words.length !== fields.length) return 'give five fields: minute, hour, day of the month, month, day of the week'
  const sets = fields.map((field, index) => setOf(words[index] ?? '', field))
  const wrong = sets.find((set) => typeof set === 'string')
  if (wrong !== undefined) return wrong
  if (!isTimeZone(timeZone)) return `${timeZone.slice(0, 64)} is no time zone: give a name such as Europe/Berlin`
  const [minutes, hours, monthDays, monthSet, weekDays] = sets as ReadonlySet<number>[]
  const isAnyDay = [words[2], words[4]].some((word) => word?.startsWith('*') === true)
  const clock = clockOf(timeZone)
  return {
    matches: (at) => {
      const [minute = -1, hour = -1, day = -1, month = -1, weekday = -1] = clock(at)
      if (minutes?.has(minute) !== true || hours?.has(hour) !== true || monthSet?.has(month) !== true) return false
      const isMonthDay = monthDays?.has(day) === true
      const isWeekDay = weekDays?.has(weekday) === true || (weekday === 0 && weekDays?.has(7) === true)
      return isAnyDay ? isMonthDay && isWeekDay : isMonthDay || isWeekDay
    },
  }
}
