<?php

declare(strict_types=1);

namespace Tada\WordPress;

/**
 * Addresses in texts. Those of files on this machine that are in TADA become TADA's when a page is made; the texts stay
 * as they are. Those of TADA get the present version then. In the database they have none, so that they never age.
 */
final class Content
{
    private const END = '[^\s"\'<>()]';
    private const FORM = '~^/(?:original|full|optimise/[^/]+)(?:/image)?(/.+)$~';

    public static function register(): void
    {
        // After blocks are drawn, and before WordPress adds srcset to what they contain.
        add_filter('the_content', [self::class, 'rewrite'], 9);
        foreach (['widget_text_content', 'widget_block_content', 'render_block_core/template-part'] as $hook) {
            add_filter($hook, [self::class, 'rewrite'], 9);
        }
        add_filter('the_excerpt', [self::class, 'rewrite']);
        // For HTML of themes and plugins.
        add_filter('tada_media_content', [self::class, 'rewrite']);
        add_filter('content_save_pre', [self::class, 'withoutVersions']);
    }

    /** The path of the asset in an address of TADA, with its extension there; null for another address. */
    public static function nameIn(string $address): ?string
    {
        $path = explode('?', $address, 2)[0];
        foreach (Settings::service()['bases'] as $base) {
            if (str_starts_with($path, "$base/") && preg_match(self::FORM, substr($path, strlen($base)), $match)) {
                return $match[1];
            }
        }
        return null;
    }

    public static function rewrite(mixed $html): mixed
    {
        if (!is_string($html) || Settings::service()['base'] === '' || Delivery::$isLocal) {
            return $html;
        }
        return self::replace(
            $html,
            static fn (Asset $asset, string $path) => self::addressOf($asset, $path),
            static fn (Asset $asset, string $address) => $asset->renewed($address),
        );
    }

    /** Return a text in which addresses of TADA are those of files on this machine. */
    public static function localized(string $html): string
    {
        return self::replace($html, static fn () => null, static fn (Asset $asset, string $address) =>
            Restoring::localAddress($asset, $address));
    }

    /** Addresses are stored without a version: browsers would keep an old one for a year. The text is slashed. */
    public static function withoutVersions(mixed $html): mixed
    {
        $bases = self::bases();
        if (!is_string($html) || !$bases) {
            return $html;
        }
        $separator = '(?:\?|&amp;|&\#0?38;|&|\\\\+u0026)';
        $without = static fn (array $match) => (string) preg_replace_callback(
            "~($separator)v=[0-9a-f]{12}[-0-9.]*($separator)?~",
            static fn (array $part) => isset($part[2]) ? $part[1] : '',
            $match[0],
        );
        return preg_replace_callback("~$bases/" . self::END . '+~', $without, $html) ?? $html;
    }

    /**
     * @param callable(Asset, string): ?string $local what becomes of a path below the uploads
     * @param callable(Asset, string): ?string $distant what becomes of an address of TADA
     */
    private static function replace(string $html, callable $local, callable $distant): string
    {
        $uploads = self::uploads();
        $bases = self::bases() ?: '(?!)';
        $end = self::END;
        $pattern = "~(?<tada>$bases/$end+)|$uploads/(?<path>[^\s\"'<>()?\#&\\\\]+\.[A-Za-z0-9]{2,5})(?:\?$end*)?~";
        if (!preg_match_all($pattern, $html, $found, PREG_SET_ORDER)) {
            return $html;
        }
        $assets = self::assetsOf($html, $found);
        $replaced = preg_replace_callback($pattern, static function (array $match) use ($assets, $local, $distant) {
            $keys = self::keys($match);
            foreach ($keys as $key) {
                if (isset($assets[$key])) {
                    $isLocal = isset($match['path']);
                    $new = $isLocal ? $local($assets[$key], $keys[0]) : $distant($assets[$key], $match[0]);
                    return $new === null ? $match[0] : esc_url($new);
                }
            }
            return $match[0];
        }, $html);
        return $replaced ?? $html;
    }

    /**
     * Return the assets of addresses by what leads to them. Classes of pictures name most attachments; the others are
     * searched.
     *
     * @param list<array<string, string>> $found
     * @return array<string, Asset>
     */
    private static function assetsOf(string $html, array $found): array
    {
        preg_match_all('~\bwp-image-(\d+)~', $html, $classes);
        $ids = array_map('intval', array_unique($classes[1]));
        update_meta_cache('post', $ids);
        $known = [];
        foreach ($ids as $id) {
            $known += array_fill_keys(get_post_meta($id, Asset::PATH), $id);
        }
        $wanted = [];
        foreach ($found as $match) {
            $keys = self::keys($match);
            $wanted = array_intersect_key($known, array_flip($keys)) ? $wanted : [...$wanted, ...$keys];
        }
        return array_filter(array_map([Delivery::class, 'asset'], $known + Asset::find($wanted)));
    }

    /**
     * Return what may lead to the asset of an address, the most certain first.
     *
     * @param array<string, string> $match
     * @return list<string>
     */
    private static function keys(array $match): array
    {
        if (!isset($match['path'])) {
            $name = self::nameIn(html_entity_decode($match['tada']));
            return $name === null ? [] : [Asset::withoutExtension($name)];
        }
        $path = rawurldecode($match['path']);
        $whole = preg_replace('~-\d+x\d+(\.[^./]+)$~', '$1', $path);
        return array_values(array_unique([$path, $whole]));
    }

    private static function addressOf(Asset $asset, string $path): string
    {
        $isFile = in_array($path, get_post_meta($asset->id, Asset::PATH), true);
        if ($isFile || !$asset->size() || !preg_match('~-(\d+)x(\d+)\.[^./]+$~', $path, $pixels)) {
            return $asset->whole();
        }
        return Sizes::url($asset, Sizes::byPixels($asset, (int) $pixels[1], (int) $pixels[2]));
    }

    private static function bases(): string
    {
        $quoted = array_map(static fn ($base) => preg_quote($base, '~'), Settings::service()['bases']);
        return $quoted ? '(?:' . implode('|', $quoted) . ')' : '';
    }

    /** The uploads, by either scheme, or without a host. */
    private static function uploads(): string
    {
        $parts = wp_parse_url(wp_get_upload_dir()['baseurl']);
        $host = preg_quote($parts['host'] . (isset($parts['port']) ? ":{$parts['port']}" : ''), '~');
        return "(?<![\\w.])(?:(?:https?:)?//$host)?" . preg_quote($parts['path'] ?? '', '~');
    }
}
