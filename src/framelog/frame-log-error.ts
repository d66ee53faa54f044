import { TapewireError } from '../errors.js'

/**
 * A frame log cannot be read or written. `code`:
 *
 * - `not_a_frame_log`: the content is none of the formats known
 * - `bad_record`: one line is no record; the message and the context name file and line
 * - `line_too_long`: a line beyond `maxLineBytes`
 * - `log_unreadable`: the file cannot be opened or read
 * - `log_exists`, `log_unwritable`, `log_overflow`: see `FrameLogWriter`
 */
export class FrameLogError extends TapewireError {
  override readonly name = 'FrameLogError'
}
