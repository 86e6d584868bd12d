import { type Found, foldName, foundAt } from './found.ts';

/** Postal codes of the states, the district, Puerto Rico and the Canadian provinces. */
const REGIONS = new Set(
  (
    'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR ' +
    'PA PR RI SC SD TN TX UT VT VA WA WV WI WY AB BC MB NB NL NS ON PE QC SK'
  ).split(' '),
);

/** Regions that are words too: without a postal code they count only after a city in mixed case. */
const WORDS = new Set(['HI', 'IN', 'ME', 'OH', 'OK', 'OR', 'ON', 'PA', 'MA', 'LA', 'DE', 'CO', 'AL']);

const REGION = / ([A-Z]{2})(?![\w&-])(?:,? (\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w))?/g;

/** One to four capitalised words right before the region, with the comma that American addresses put there. */
const CITY = /(?:^|[^\p{L}\p{N}.'’-])((?:\p{Lu}[\p{L}'’-]{1,24}\.? ){0,3}\p{Lu}[\p{L}'’-]{1,24})(,)?$/u;
const CITY_LENGTH = 60;

/** Words before a city that are not part of its name. */
const INTRODUCTION =
  /^(?:(?:In|At|From|To|Near|The|Via|And|Of|Origin|Destination|Pickup|Delivery|Ship|Deliver|Consignee|Shipper) )+/;

/** A street right before the city: a house number, then at most eight words without a comma, then maybe a suite. */
const STREET =
  /(?<![\p{L}\p{N}-])\d{1,6}[A-Za-z]? (?:[\p{L}\p{N}.'’#-]{1,24} ){0,7}[\p{L}\p{N}.'’#-]{1,24}(?:, (?:Suite|Ste\.?|Unit|Dock|Building|Bldg\.?|Floor|#) ?[\p{L}\p{N}-]{1,8})?,?[ \n]$/u;
const STREET_LENGTH = 90;

const GERMAN_ADDRESS =
  /(?<=\p{L})(?:straße|strasse|str\.|weg|platz|allee|ring|damm|kai) \d{1,4} ?[a-z]?,?[ \n](?:D-)?\d{5} \p{Lu}\p{Ll}{2,24}(?: am \p{Lu}\p{Ll}{2,24})?/gu;

/** Places by the shape of their address: `City, ST`, with postal code and street where they stand; German streets. */
export function findPlaces(text: string): Found[] {
  return [...findAmericanPlaces(text), ...findGermanPlaces(text)];
}

function findAmericanPlaces(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(REGION)) {
    const region = match[1]!;
    const postalCode = match[2];
    if (!REGIONS.has(region)) continue;
    const before = text.slice(Math.max(0, match.index - CITY_LENGTH), match.index);
    const city = CITY.exec(before);
    if (city === null || (city[2] === undefined && postalCode === undefined)) continue;
    const name = city[1]!.replace(INTRODUCTION, '');
    if (postalCode === undefined && WORDS.has(region) && !/\p{Ll}/u.test(name)) continue;
    const cityStart = match.index - (city[2] ?? '').length - name.length;
    const street = STREET.exec(text.slice(Math.max(0, cityStart - STREET_LENGTH), cityStart))?.[0] ?? '';
    const span = { start: cityStart - street.length, end: match.index + match[0].length };
    found.push(foundAt(text, 'Place', foldName(text.slice(span.start, span.end)), span));
  }
  return found;
}

function findGermanPlaces(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: quote, index } of text.matchAll(GERMAN_ADDRESS)) {
    const start = index - (/\p{L}{1,40}$/u.exec(text.slice(Math.max(0, index - 40), index))?.[0].length ?? 0);
    found.push(
      foundAt(text, 'Place', foldName(text.slice(start, index + quote.length)), { start, end: index + quote.length }),
    );
  }
  return found;
}
