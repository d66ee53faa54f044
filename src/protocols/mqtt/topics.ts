/** Whether something can be published to it: text without the wildcards of a filter. */
export function isTopic(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[+#\0]/.test(value)
}
