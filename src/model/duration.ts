const form = /^(?=.*\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+)s?)?$/

/**
 * A duration as people write it: 90, 90s, 10m, 1.5h or 1h30m.
 * @returns whole seconds, rounded; undefined when the text is anything else
 */
export const durationSeconds = (text: string): number | undefined => {
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, hours = 0, minutes = 0, rest = 0] = parts
  return Math.round(Number(hours) * 3600 + Number(minutes) * 60 + Number(rest))
}
