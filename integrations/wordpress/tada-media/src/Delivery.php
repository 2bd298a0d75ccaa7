<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\Addresses;

/** Where WordPress asks for an address or a size of an attachment that is in TADA, it gets one of TADA. */
final class Delivery
{
    /** While it is true, attachments are shown as they are on this machine. */
    public static bool $isLocal = false;

    public static function register(): void
    {
        add_filter('wp_get_attachment_url', [self::class, 'url'], 10, 2);
        add_filter('wp_get_original_image_url', [self::class, 'originalUrl'], 10, 2);
        add_filter('wp_get_attachment_metadata', [self::class, 'metadata'], 10, 2);
        add_filter('image_downsize', [self::class, 'downsize'], 10, 3);
        add_filter('image_get_intermediate_size', [self::class, 'intermediate'], 10, 2);
        add_filter('wp_calculate_image_srcset_meta', [self::class, 'srcsetMetadata'], 10, 4);
        add_filter('wp_calculate_image_srcset', [self::class, 'srcset'], 10, 5);
        add_filter('wp_image_src_get_dimensions', [self::class, 'dimensions'], 10, 4);
        add_filter('wp_image_file_matches_image_meta', [self::class, 'matches'], 10, 4);
        add_filter('rest_prepare_attachment', [self::class, 'shownByRest']);
        add_filter('pre_delete_attachment', [self::class, 'beforeDeletion']);
    }

    public static function asset(int $id): ?Asset
    {
        $asset = self::$isLocal || Settings::service()['base'] === '' ? null : Asset::of($id);
        return $asset?->isStale() ? null : $asset;
    }

    public static function url(string $url, int $id): string
    {
        return self::asset($id)?->whole() ?? $url;
    }

    public static function originalUrl(string $url, int $id): string
    {
        return self::asset($id)?->url(original: true) ?? $url;
    }

    /**
     * Show the pixels of pages, and sizes that are addresses. Nothing of it is stored (Following::update).
     *
     * @param array<string, mixed>|false $data
     * @return array<string, mixed>|false
     */
    public static function metadata(array|bool $data, int $id): array|bool
    {
        $asset = self::asset($id);
        $shown = $asset?->shown();
        if (!is_array($data) || !$shown) {
            return $data;
        }
        $sizes = Sizes::all($asset, $data);
        return ['width' => $shown[0], 'height' => $shown[1], 'sizes' => $sizes, Sizes::MARK => true] + $data;
    }

    /**
     * @param array{string, int, int, bool}|bool $found
     * @param string|array{int, int} $size
     * @return array{string, int, int, bool}|bool
     */
    public static function downsize(array|bool $found, int $id, string|array $size): array|bool
    {
        $asset = self::asset($id);
        $shown = $asset?->shown();
        if ($found || !$shown) {
            return $found;
        }
        $made = self::asked($asset, $size);
        $pixels = $made ? [$made['width'], $made['height']] : $shown;
        [$width, $height] = image_constrain_size_for_editor($pixels[0], $pixels[1], $size);
        return [$made ? Sizes::url($asset, $made) : $asset->whole(), $width, $height, (bool) $made];
    }

    /**
     * @param string|array{int, int} $size
     * @return array{width: int, height: int, isCut: bool, crop: array{float, float}|null}|null
     */
    private static function asked(Asset $asset, string|array $size): ?array
    {
        if (is_array($size)) {
            return Sizes::of($asset, (int) ($size[0] ?? 0), (int) ($size[1] ?? 0), false);
        }
        $named = wp_get_registered_image_subsizes()[$size] ?? null;
        return $named ? Sizes::of($asset, $named['width'], $named['height'], $named['crop']) : null;
    }

    /**
     * @param array<string, mixed> $data
     * @return array<string, mixed>
     */
    public static function intermediate(array $data, int $id): array
    {
        $asset = self::asset($id);
        if ($asset?->size() && isset($data['width'], $data['height'])) {
            $data['url'] = Sizes::url($asset, Sizes::byPixels($asset, (int) $data['width'], (int) $data['height']));
        }
        return $data;
    }

    /**
     * WordPress offers a set only if the name of the file is in the address.
     *
     * @param array<string, mixed>|mixed $metadata
     * @param array{int, int} $size
     * @return array<string, mixed>|mixed
     */
    public static function srcsetMetadata(mixed $metadata, array $size, string $src, int $id): mixed
    {
        $asset = self::asset($id);
        $name = $asset ? Content::nameIn($src) : null;
        if (is_array($metadata) && $name !== null && Asset::withoutExtension($name) === $asset->stem()) {
            $metadata['file'] = ltrim($name, '/');
        }
        return $metadata;
    }

    /**
     * @param array<int, array<string, mixed>> $sources
     * @param array{int, int} $size
     * @param array<string, mixed> $metadata
     * @return array<int, array<string, mixed>>
     */
    public static function srcset(array $sources, array $size, string $src, array $metadata, int $id): array
    {
        $asset = self::asset($id);
        $shown = $asset?->shown();
        if (!$shown) {
            return $sources;
        }
        $wanted = Sizes::byPixels($asset, (int) $size[0], (int) $size[1]);
        $cut = $wanted['isCut'] ? ['width' => $wanted['width'], 'height' => $wanted['height']] : [];
        /** The widths of srcset: change them if the service has ALLOWED_SIZES. */
        $widths = apply_filters('tada_media_widths', [...Addresses::WIDTHS, $wanted['width']], $id);
        $made = [];
        foreach (Addresses::sizesOf(['width' => $shown[0], 'height' => $shown[1]], $widths, $cut) as $one) {
            $url = Sizes::url($asset, $one + ['height' => 0] + $wanted);
            $made[$one['width']] = ['url' => $url, 'descriptor' => 'w', 'value' => $one['width']];
        }
        return $made;
    }

    /**
     * @param array{int, int}|false $found
     * @param mixed $metadata
     * @return array{int, int}|false
     */
    public static function dimensions(array|bool $found, string $src, mixed $metadata, int $id): array|bool
    {
        $asset = self::asset($id);
        $shown = $asset?->shown();
        if (!$shown || Content::nameIn($src) === null) {
            return $found;
        }
        if (!preg_match('~/optimise/(\d+)x(\d+)/~', $src, $box)) {
            return $shown;
        }
        [$width, $height] = [(int) $box[1], (int) $box[2]];
        return $width && $height ? [$width, $height] : wp_constrain_dimensions($shown[0], $shown[1], $width, $height);
    }

    public static function matches(bool $isMatch, string $location, mixed $metadata, int $id): bool
    {
        $name = Content::nameIn($location);
        return $isMatch || ($name !== null && Asset::withoutExtension($name) === self::asset($id)?->stem());
    }

    public static function shownByRest(\WP_REST_Response $answer): \WP_REST_Response
    {
        $data = $answer->get_data();
        if (is_array($data['media_details'] ?? null)) {
            unset($data['media_details'][Sizes::MARK]);
            foreach ($data['media_details']['sizes'] ?? [] as $name => $size) {
                unset($data['media_details']['sizes'][$name][Sizes::MARK]);
            }
            $answer->set_data($data);
        }
        return $answer;
    }

    /** The files that are deleted with an attachment are those of this machine. */
    public static function beforeDeletion(mixed $answer): mixed
    {
        if ($answer === null && !self::$isLocal) {
            self::$isLocal = true;
            $back = static function () use (&$back): void {
                self::$isLocal = false;
                remove_action('deleted_post', $back);
            };
            add_action('deleted_post', $back);
        }
        return $answer;
    }
}
