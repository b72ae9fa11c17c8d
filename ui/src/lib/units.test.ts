import { describe, expect, it } from 'vitest';

import { formatValue } from './units';

describe('units', () => {
  it.each([
    [1234, 'ms', '1.23 s'], [0.25, 's', '250 ms'], [90, 'm', '1.5 h'], [1500, 'µs', '1.5 ms'], [100, 'timeticks', '1 s'], [90_061, 's', '1.04 d'],
    [1536, 'bytes', '1.5 KiB'], [1536, 'kbytes', '1.5 MiB'], [2, 'decgbytes', '2 GB'], [1500, 'Bps', '1.5 kB/s'], [1500, 'KBs', '1.5 MB/s'], [2e6, 'bps', '2 Mb/s'], [1.5, 'Mbits', '1.5 Mb/s'],
    [0.123, 'percentunit', '12.3%'], [42, 'percent', '42%'], [1234567, 'short', '1.23 Mil'], [7.91, 'reqps', '7.91 req/s'], [12, 'celsius', '12 °C'],
    [3, 'currencyUSD', '$3.00'], [1, 'bool_yes_no', 'Yes'], [255, 'hex0x', '0xFF'], [0.00012, 'sci', '1.20e-4'], [5, 'widgets', '5 widgets'], [5, 'suffix:/ sec', '5 / sec'], [2, 'kwatt', '2 kW'],
  ])('%s as %s is %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text);
  });

  it('keeps wanted decimals and says what is not there', () => {
    expect(formatValue(12.3456, 'short', 1)).toBe('12.3');
    expect(formatValue(null, 'bytes')).toBe('–');
    expect(formatValue(NaN, 'bytes')).toBe('NaN');
    expect(formatValue(999.7, 'ms')).toBe('1 s');
  });
});
