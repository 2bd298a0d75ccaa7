<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * What addresses can say, in the one spelling that the caches of the service know. Pure.
 *
 * The tables in clients/vectors, which are made from the grammar of the service, hold this and the service together.
 *
 * @internal
 */
final class Grammar
{
    /** What a signed form begins with, wherever the assets are. */
    public const BASE = '/assets/media';

    /** In the order of the canonical address: what is possible, and what a value needs to have an effect. */
    private const ARGUMENTS = [
        'width' => ['an integer from 1', ''],
        'height' => ['an integer from 1', ''],
        'quality' => ['an integer from 1 to 100', ''],
        'format' => ['webp, avif, jpeg or png', ''],
        'fit' => ['cover, contain or fill', 'box'],
        'crop' => ['smart, or two shares from 0 to 1', 'cut'],
        'dpr' => ['1, 1.5, 2, 3 or 4', 'side'],
        'max_kb' => ['an integer from 1 to 100000', ''],
        'blur' => ['a number from 0.3 to 100', ''],
    ];
    /** Each of these makes a picture of what is delivered as stored otherwise. */
    private const PICTURES = ['width', 'height', 'format', 'blur'];
    private const ANY_SIDE = 999_999_999;
    private const DOWNLOAD_BYTES = 300;
    private const BESIDE = ['preset', 'original', 'v', 'download'];

    private const NAME = '~^(?!/image/)(?:/[A-Za-z0-9@_-]{1,90}){2,12}\.[A-Za-z0-9]{1,10}$~D';
    private const PATH = '~^/(?:(original|full)|optimise/([^/]+))(?:/image)?(/.+)$~Ds';
    private const PRESET = '~^(?!image$)[a-z][a-z0-9-]{0,31}$~D';
    private const VERSION = '~^[0-9a-f]{12}(?:-[0-9.]+-[0-9.]+)?$~D';

    /**
     * Return the address below the base of what is wanted of an asset.
     *
     * @param array<string, mixed> $wanted
     */
    public static function address(string $name, array $wanted): string
    {
        foreach (array_keys($wanted) as $argument) {
            if (!isset(self::ARGUMENTS[$argument]) && !in_array($argument, self::BESIDE, true)) {
                throw new AddressError((string) $argument, "There is no argument '$argument' of addresses.");
            }
        }
        $original = (bool) ($wanted['original'] ?? false);
        $preset = $wanted['preset'] ?? null;
        $given = [];
        foreach (array_keys(self::ARGUMENTS) as $argument) {
            if (isset($wanted[$argument])) {
                $given[$argument] = self::text($wanted[$argument]);
            }
        }
        foreach ([...array_keys($given), ...($preset === null ? [] : ['preset'])] as $argument) {
            if ($original || ($preset !== null && $argument !== 'dpr' && $argument !== 'preset')) {
                $stands = $original ? 'the uploaded file' : 'a preset';
                throw new AddressError($argument, "$argument cannot be asked of $stands.");
            }
        }
        if ($preset !== null) {
            self::checkPreset((string) $preset);
        }
        $pictures = $original || $preset !== null ? [] : self::read($given, self::PICTURES);
        $sized = $preset !== null || isset($pictures['width']) || isset($pictures['height'])
            || (self::isStored($name) && $pictures);
        $kind = $original ? 'original' : ($sized ? 'optimise' : 'full');
        [$path, $values] = self::form($kind, $name, $given, (string) $preset);
        return $path . self::query([...$values, ...self::unsigned($wanted)]);
    }

    /** Return the form that an address, in any spelling, asks for: what is signed. */
    public static function canonical(string $base, string $address): string
    {
        [$path, $query] = self::parts($address);
        $below = str_starts_with($path, "$base/") ? substr($path, strlen($base)) : '';
        if (!preg_match(self::PATH, $below, $match)) {
            throw new AddressError('name', "'$address' is not an address of an asset below $base.");
        }
        [, $plain, $box, $name] = $match;
        $given = [];
        foreach (explode('&', $query) as $pair) {
            $parts = explode('=', $pair, 2);
            if (count($parts) === 2) {
                $given[strtolower($parts[0])] ??= $parts[1];
            }
        }
        $sides = preg_match('~^([0-9]+)x([0-9]+)$~D', $box, $side) === 1;
        $preset = $box === '' ? ($given['preset'] ?? '') : ($sides ? '' : $box);
        if ($sides) {
            $given = ['width' => $side[1], 'height' => $side[2]] + $given;
        }
        [$path, $values] = self::form($plain ?: 'optimise', $name, $given, $preset);
        return self::BASE . $path . self::query($values);
    }

    /** @return array{string, string} the path and the query of an address */
    public static function parts(string $address): array
    {
        $parts = explode('?', explode('#', $address, 2)[0], 2);
        return [$parts[0], $parts[1] ?? ''];
    }

    /**
     * Return the path below the base, and the arguments that have an effect, in their order.
     *
     * @param array<string, string> $given
     * @return array{string, array<string, string>}
     */
    private static function form(string $kind, string $name, array $given, string $preset): array
    {
        if (!preg_match(self::NAME, $name)) {
            throw new AddressError('name', "'$name' is not the path of an asset, such as /DEV/pets/cat.webp.");
        }
        $stored = self::isStored($name);
        if ($kind === 'original' || ($kind === 'full' && $stored)) {
            return ["/$kind$name", []];
        }
        if ($preset !== '') {
            self::checkPreset($preset);
            $dpr = self::read($given, ['dpr']);
            return $kind === 'full' ? ["/full$name", ['preset' => $preset] + $dpr] : ["/optimise/$preset$name", $dpr];
        }
        $values = self::read($given, self::PICTURES);
        if (!$stored || $values) {
            $values = self::effective(self::read($given, array_keys(self::ARGUMENTS)));
        }
        if ($kind === 'full') {
            return ["/full$name", $values];
        }
        $box = ($values['width'] ?? '0') . 'x' . ($values['height'] ?? '0');
        unset($values['width'], $values['height']);
        return ["/optimise/$box$name", $values];
    }

    private static function isStored(string $name): bool
    {
        return (bool) preg_match('~\.(?:pdf|svg)$~D', $name);
    }

    private static function checkPreset(string $preset): void
    {
        if (!preg_match(self::PRESET, $preset)) {
            throw new AddressError('preset', "'$preset' is neither a size such as 200x0 nor the name of a preset.");
        }
    }

    /**
     * @param array<string, string> $given
     * @param list<string> $names
     * @return array<string, string>
     */
    private static function read(array $given, array $names): array
    {
        $values = [];
        foreach ($names as $name) {
            $text = $given[$name] ?? '';
            $value = $text === '' ? '' : self::spelling($name, $text);
            if ($value === null) {
                throw new AddressError($name, "$name must be " . self::ARGUMENTS[$name][0] . ", not '$text'.");
            }
            if ($value !== '') {
                $values[$name] = $value;
            }
        }
        return $values;
    }

    /** Return the one spelling of a value: empty for what is the same as none, null for what is not possible. */
    private static function spelling(string $name, string $text): ?string
    {
        return match ($name) {
            'width', 'height' => self::whole($text, self::ANY_SIDE),
            'quality' => self::whole($text, 100),
            'max_kb' => self::whole($text, 100_000),
            'format' => self::word($text === 'jpg' ? 'jpeg' : $text, '', 'webp', 'avif', 'jpeg', 'png'),
            'fit' => self::word($text, 'cover', 'contain', 'fill'),
            'dpr' => self::word($text, '1', '1.5', '2', '3', '4'),
            'crop' => self::point($text),
            'blur' => self::decimal($text, 0.3, 100),
            default => null,
        };
    }

    private static function word(string $text, string $usual, string ...$words): ?string
    {
        return $text === $usual ? '' : (in_array($text, $words, true) ? $text : null);
    }

    private static function whole(string $text, int $largest): ?string
    {
        if (!preg_match('~^0*([0-9]{1,9})$~D', $text, $match) || (int) $match[1] > $largest) {
            return null;
        }
        return (int) $match[1] === 0 ? '' : (string) (int) $match[1];
    }

    private static function decimal(string $text, float $smallest, float $largest): ?string
    {
        $value = preg_match('~^0*([0-9]{1,9}(?:\.[0-9]{1,2})?)$~D', $text, $match) ? (float) $match[1] : -1.0;
        if ($value === 0.0) {
            return '';
        }
        return $value >= $smallest && $value <= $largest ? self::short($value) : null;
    }

    private static function point(string $text): ?string
    {
        $share = '(0(?:\.[0-9]{1,2})?|1(?:\.0{1,2})?)';
        if ($text === 'smart') {
            return $text;
        }
        return preg_match("~^$share(?:,|%2[Cc])$share$~D", $text, $match)
            ? self::short((float) $match[1]) . ',' . self::short((float) $match[2])
            : null;
    }

    /**
     * @param array<string, string> $values
     * @return array<string, string> without those that have no effect
     */
    private static function effective(array $values): array
    {
        $sides = count(array_intersect(['width', 'height'], array_keys($values)));
        $isBox = $sides === 2;
        $has = ['' => true, 'side' => $sides > 0, 'box' => $isBox, 'cut' => $isBox && !isset($values['fit'])];
        $keep = static fn (string $name): bool => $has[self::ARGUMENTS[$name][1]];
        $kept = array_filter($values, $keep, ARRAY_FILTER_USE_KEY);
        if (($kept['format'] ?? '') === 'webp' && ($sides || isset($kept['blur']))) {
            unset($kept['format']);
        }
        return $kept;
    }

    /** @param array<string, string> $values */
    private static function query(array $values): string
    {
        $pairs = array_map(static fn ($name, $value) => "$name=$value", array_keys($values), $values);
        return $pairs ? '?' . implode('&', $pairs) : '';
    }

    /**
     * Return what no answer depends on: the name to save under, and the version.
     *
     * @param array<string, mixed> $wanted
     * @return array<string, string>
     */
    private static function unsigned(array $wanted): array
    {
        $found = [];
        $download = $wanted['download'] ?? false;
        if ($download) {
            $name = $download === true ? '1' : (string) $download;
            if (preg_match('~[/\\\\\p{Cc}]~u', $name) !== 0 || strlen($name) > self::DOWNLOAD_BYTES) {
                $why = 'It has a slash, a control character, more than 300 bytes, or is not UTF-8.';
                throw new AddressError('download', "The name to save a file under is not possible. $why");
            }
            $plain = ['%21' => '!', '%27' => "'", '%28' => '(', '%29' => ')', '%2A' => '*'];
            $found['download'] = strtr(rawurlencode($name), $plain);
        }
        if (isset($wanted['v'])) {
            if (!preg_match(self::VERSION, (string) $wanted['v'])) {
                throw new AddressError('v', "'{$wanted['v']}' is not the version in versioned_url of an entry.");
            }
            $found['v'] = (string) $wanted['v'];
        }
        return $found;
    }

    /** Write a value as an address has it, rounded to hundredths. */
    private static function text(mixed $value): string
    {
        if (is_string($value)) {
            return $value;
        }
        if (is_array($value) && array_is_list($value) && count($value) === 2) {
            return self::text($value[0]) . ',' . self::text($value[1]);
        }
        if ((is_int($value) || is_float($value)) && abs($value) < self::ANY_SIDE) {
            return self::short(floor($value * 100 + 0.5) / 100);
        }
        return var_export($value, true);
    }

    private static function short(float $value): string
    {
        return rtrim(rtrim(sprintf('%.2F', $value), '0'), '.');
    }
}
