<?php

declare(strict_types=1);

namespace Tada\WordPress;

/** The sizes of a picture, which are addresses instead of files. Their pixels are those that WordPress would make. */
final class Sizes
{
    /** Marks sizes, and metadata, that are made here and never stored. */
    public const MARK = 'tada_media';

    /**
     * Return the registered sizes that are smaller than a picture, as they are in its metadata.
     *
     * @param array<string, mixed> $metadata
     * @return array<string, array<string, mixed>>
     */
    public static function all(Asset $asset, array $metadata): array
    {
        $file = wp_basename((string) ($metadata['file'] ?? "{$asset->stem()}.webp"));
        $sizes = [];
        foreach (wp_get_registered_image_subsizes() as $name => $size) {
            $found = self::of($asset, $size['width'], $size['height'], $size['crop']);
            if ($found) {
                $sizes[$name] = [
                    'file' => preg_replace('~(\.[^.]+)?$~', "-{$found['width']}x{$found['height']}\$1", $file, 1),
                    'width' => $found['width'],
                    'height' => $found['height'],
                    'mime-type' => 'image/webp',
                    self::MARK => true,
                ];
            }
        }
        return $sizes;
    }

    /**
     * Return the pixels of a size, and where it is cut; null if the picture is not larger.
     *
     * @param bool|array{string, string} $crop
     * @return array{width: int, height: int, isCut: bool, crop: array{float, float}|null}|null
     */
    public static function of(Asset $asset, int $width, int $height, bool|array $crop): ?array
    {
        $size = $asset->size();
        $made = $size ? image_resize_dimensions($size[0], $size[1], $width, $height, $crop) : false;
        if (!$made) {
            return null;
        }
        $isCut = (bool) $crop && !wp_image_matches_ratio($made[4], $made[5], ...$size);
        $at = $isCut && is_array($crop) ? self::point($crop) : null;
        return ['width' => $made[4], 'height' => $made[5], 'isCut' => $isCut, 'crop' => $at];
    }

    /** @param array{width: int, height: int, isCut: bool, crop: array{float, float}|null} $size */
    public static function url(Asset $asset, array $size): string
    {
        if (!$size['isCut']) {
            return $asset->url(width: $size['width']);
        }
        $cut = $size['crop'] ? ['crop' => $size['crop']] : [];
        return $asset->url(...['width' => $size['width'], 'height' => $size['height']] + $cut);
    }

    /**
     * Return a size by its pixels: the registered one that has them, or one that is cut at the focal point.
     *
     * @return array{width: int, height: int, isCut: bool, crop: array{float, float}|null}
     */
    public static function byPixels(Asset $asset, int $width, int $height): array
    {
        foreach (wp_get_registered_image_subsizes() as $size) {
            $found = self::of($asset, $size['width'], $size['height'], $size['crop']);
            if ($found && $found['width'] === $width && $found['height'] === $height) {
                return $found;
            }
        }
        $isCut = !wp_image_matches_ratio($width, $height, ...$asset->size());
        return ['width' => $width, 'height' => $height, 'isCut' => $isCut, 'crop' => null];
    }

    /**
     * The middle is left to the focal point of the asset.
     *
     * @param array{string, string} $crop
     * @return array{float, float}|null
     */
    private static function point(array $crop): ?array
    {
        $shares = ['left' => 0.0, 'top' => 0.0, 'right' => 1.0, 'bottom' => 1.0];
        $point = [$shares[$crop[0]] ?? 0.5, $shares[$crop[1]] ?? 0.5];
        return $point === [0.5, 0.5] ? null : $point;
    }
}
