<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * Makes addresses of assets. Pure.
 *
 * `base` is `base_url` of an entry, such as `https://media.example.com/assets/media`. An asset is its `unique_name`,
 * such as `/DEV/pets/cat.webp`, or its entry: the array that the service answers. What is wanted of it has the names of
 * the arguments in an address (docs/delivery.md), and besides them `preset`, `original`, `v` and `download`.
 *
 * With a `key` (one of URL_SIGNING_KEYS), every address is signed: for ever, or until `expires` (seconds since 1970).
 */
final class Addresses
{
    /** The widths of a picture in a page, unless others are chosen: each is about a third wider than the one before. */
    public const WIDTHS = [320, 480, 640, 960, 1280, 1920, 2560];

    public readonly string $base;

    public function __construct(
        string $base,
        #[\SensitiveParameter] private readonly string $key = '',
        private readonly ?int $expires = null,
    ) {
        $this->base = rtrim($base, '/');
    }

    /** @return array<string, string> what is shown of it: not the key */
    public function __debugInfo(): array
    {
        return ['base' => $this->base];
    }

    /**
     * Return the address of a form of an asset; throws AddressError for what no address can say.
     *
     * @param string|array<string, mixed> $asset
     */
    public function url(string|array $asset, mixed ...$wanted): string
    {
        $name = is_string($asset) ? $asset : self::nameOf($asset, (bool) ($wanted['original'] ?? false));
        $address = $this->base . Grammar::address($name, $wanted);
        return $this->key === '' ? $address : $this->sign($address);
    }

    /**
     * Return `srcset` of several widths. With a `width` and a `height` in what is wanted, all are cut to this ratio.
     * An entry is asked for nothing wider than it is.
     *
     * @param string|array<string, mixed> $asset
     * @param list<int> $widths
     */
    public function srcset(string|array $asset, array $widths = self::WIDTHS, mixed ...$wanted): string
    {
        $each = fn (array $size) => $this->url($asset, ...[...$wanted, ...$size]) . " {$size['width']}w";
        return implode(', ', array_map($each, self::sizesOf($asset, $widths, $wanted)));
    }

    /**
     * Return a `<picture>`: AVIF for browsers that have it, WebP for the others, and room for it in the page.
     *
     * @param array<string, mixed> $entry
     * @param list<int> $widths
     */
    public function picture(
        array $entry,
        array $widths = self::WIDTHS,
        string $sizes = '100vw',
        ?string $alt = null,
        bool $lazy = true,
        mixed ...$wanted,
    ): string {
        $wanted += ['v' => self::versionOf($entry)];
        $offered = self::sizesOf($entry, $widths, $wanted);
        $largest = end($offered);
        $height = $largest['height'] ?? self::heightOf($entry, $largest['width']);
        $image = self::element('img', [
            'src' => $this->url($entry, ...[...$wanted, ...$largest]),
            'srcset' => $this->srcset($entry, $widths, ...$wanted),
            'sizes' => $sizes,
            ...($height ? ['width' => (string) $largest['width'], 'height' => (string) $height] : []),
            'alt' => $alt ?? (string) ($entry['alt'] ?? ''),
            ...($lazy ? ['loading' => 'lazy'] : []),
        ]);
        if (isset($wanted['format'])) {
            return $image;
        }
        $avif = $this->srcset($entry, $widths, ...[...$wanted, 'format' => 'avif']);
        $source = self::element('source', ['type' => 'image/avif', 'srcset' => $avif, 'sizes' => $sizes]);
        return "<picture>$source$image</picture>";
    }

    /** Return an address, in any spelling, with its end and its signature. */
    public function sign(string $address): string
    {
        if ($this->key === '') {
            throw new AddressError('key', 'There is no key to sign with.');
        }
        [$path, $query] = Grammar::parts($address);
        $isOwn = static fn (string $part) => preg_match('~^(?:signature|expires)(?:=|$)~i', $part) === 1;
        $kept = array_filter(explode('&', $query), static fn ($part) => $part !== '' && !$isOwn($part));
        $end = (string) $this->expires;
        $signature = hash_hmac('sha256', $this->canonical($address) . "\n" . $end, $this->key);
        $own = $end === '' ? ["signature=$signature"] : ["expires=$end", "signature=$signature"];
        return $path . '?' . implode('&', [...$kept, ...$own]);
    }

    /** Return the form that an address, in any spelling, asks for: what is signed. */
    public function canonical(string $address): string
    {
        return Grammar::canonical($this->base, $address);
    }

    /**
     * Return the `v` of an entry: what it contains now. Browsers keep an address that has it for a year.
     *
     * @param array<string, mixed> $entry
     */
    public static function versionOf(array $entry): ?string
    {
        parse_str((string) parse_url((string) ($entry['versioned_url'] ?? ''), PHP_URL_QUERY), $query);
        return $query['v'] ?? null;
    }

    /**
     * Return the sides of each picture of a set, the smallest first; none is larger than the picture, if that is known.
     *
     * @param string|array<string, mixed> $asset
     * @param list<int> $widths
     * @param array<string, mixed> $wanted
     * @return non-empty-list<array{width: int, height?: int}>
     */
    public static function sizesOf(string|array $asset, array $widths, array $wanted = []): array
    {
        $isCut = !empty($wanted['width']) && !empty($wanted['height']);
        $ratio = $isCut ? $wanted['height'] / $wanted['width'] : null;
        $most = is_array($asset) ? self::widest($asset, $ratio) : null;
        $offered = array_filter($widths ?: self::WIDTHS, static fn (int $width) => $most === null || $width <= $most);
        if ($most !== null && (!$offered || count($offered) < count($widths ?: self::WIDTHS))) {
            $offered[] = $most;
        }
        $offered = array_unique($offered);
        sort($offered);
        return array_map(
            static fn (int $width) => ['width' => $width]
                + ($ratio === null ? [] : ['height' => max(1, (int) round($width * $ratio))]),
            $offered,
        );
    }

    /**
     * How wide a picture can be without being made larger; where it is cut to a shape, its largest part.
     *
     * @param array<string, mixed> $entry
     */
    private static function widest(array $entry, ?float $ratio): ?int
    {
        if (empty($entry['width'])) {
            return null;
        }
        $isCut = $ratio !== null && !empty($entry['height']);
        return $isCut ? max(1, (int) floor(min($entry['width'], $entry['height'] / $ratio))) : (int) $entry['width'];
    }

    /** @param array<string, mixed> $entry */
    private static function heightOf(array $entry, int $width): ?int
    {
        $isKnown = !empty($entry['width']) && !empty($entry['height']);
        return $isKnown ? max(1, (int) round($width * $entry['height'] / $entry['width'])) : null;
    }

    /**
     * Return the path of a form: the uploaded file has its own extension, and would be redirected to it.
     *
     * @param array<string, mixed> $entry
     */
    private static function nameOf(array $entry, bool $original): string
    {
        $name = (string) $entry['unique_name'];
        $extension = pathinfo((string) ($entry['original_filename'] ?? ''), PATHINFO_EXTENSION);
        return $original && $extension !== '' ? preg_replace('~\.[^./]*$~', ".$extension", $name) : $name;
    }

    /** @param array<string, string> $attributes */
    private static function element(string $name, array $attributes): string
    {
        $escaped = '';
        foreach ($attributes as $attribute => $value) {
            $text = htmlspecialchars($value, ENT_QUOTES | ENT_HTML5 | ENT_SUBSTITUTE, 'UTF-8');
            $escaped .= " $attribute=\"$text\"";
        }
        return "<$name$escaped>";
    }
}
