import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** Longest text that is tried as a phone number: with an extension and punctuation it is shorter. */
const MAX_PHONE_LENGTH = 40;

/**
 * A written number as E.164 (`+13125550142`), or null when no such number can exist. One without a country code is of the United
 * States.
 */
export function phoneKey(written: string): string | null {
  if (written.length > MAX_PHONE_LENGTH) return null;
  const number = parsePhoneNumberFromString(written, 'US');
  return number?.isValid() ? number.number : null;
}
