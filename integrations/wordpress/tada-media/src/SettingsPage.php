<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\{Client, CurlTransport, Retries, TadaError};

/** Settings → TADA Media. Secrets can be set and removed there, and are never shown. */
final class SettingsPage
{
    public const SLUG = 'tada-media';
    private const ACTIONS = ['retry', 'backfill', 'restore'];

    /** @var array<string, mixed>|null what was checked in this request */
    private static ?array $checked = null;

    public static function register(string $plugin): void
    {
        add_action('admin_menu', static fn () => add_options_page(
            __('TADA Media', 'tada-media'),
            __('TADA Media', 'tada-media'),
            'manage_options',
            self::SLUG,
            [self::class, 'show'],
        ));
        add_action('admin_init', static fn () => register_setting(self::SLUG, Settings::OPTION, [
            'type' => 'object',
            'show_in_rest' => false,
            'sanitize_callback' => [self::class, 'checked'],
        ]));
        foreach (self::ACTIONS as $action) {
            add_action("admin_post_tada_media_$action", static fn () => self::act($action));
        }
        add_filter("plugin_action_links_$plugin", static fn (array $links) => [
            '<a href="' . esc_url(self::address()) . '">' . esc_html__('Settings', 'tada-media') . '</a>',
            ...$links,
        ]);
    }

    public static function address(): string
    {
        return admin_url('options-general.php?page=' . self::SLUG);
    }

    /**
     * Return what is stored of a form; what is not right is said, and stays as it was.
     *
     * @param mixed $given
     * @return array<string, mixed>
     */
    public static function checked(mixed $given): array
    {
        $before = get_option(Settings::OPTION, []);
        $before = is_array($before) ? $before : [];
        if (!is_array($given)) {
            return $before;
        }
        // WordPress checks a value twice where the option is new.
        if ($given === self::$checked) {
            return $given;
        }
        $text = static fn (string $name) => is_string($given[$name] ?? null) ? trim($given[$name]) : '';
        $url = untrailingslashit(esc_url_raw($text('url'), ['http', 'https']));
        $folder = trim((string) preg_replace('~[^A-Za-z0-9@_/-]+~', '_', $text('folder')), '/');
        $stored = [
            'url' => $url,
            'namespace' => sanitize_text_field($text('namespace')),
            'folder' => $folder,
            'keep_local' => !empty($given['keep_local']),
        ];
        foreach (Settings::SECRETS as $name) {
            $isRemoved = !empty($given["remove_$name"]);
            $stored[$name] = $isRemoved ? '' : ($text($name) !== '' ? $text($name) : (string) ($before[$name] ?? ''));
        }
        if (strlen($stored['signing_key']) > 0 && strlen($stored['signing_key']) < 32) {
            self::say('A signing key has at least 32 characters.', 'error');
            $stored['signing_key'] = (string) ($before['signing_key'] ?? '');
        }
        self::try($stored);
        return self::$checked = $stored;
    }

    /** Ask the service that is set whether it can be used, and say so. @param array<string, mixed> $stored */
    private static function try(array $stored): void
    {
        $now = static fn (string $name) => (string) (Settings::isFixed($name) ? Settings::get($name) : $stored[$name]);
        if ($now('url') === '' || $now('namespace') === '') {
            self::say('TADA Media begins when the address and the namespace are set.', 'warning');
            return;
        }
        try {
            $about = Settings::meet(new Client($now('url'), $now('token'), '', new Retries(2), new CurlTransport(3)));
        } catch (TadaError $error) {
            self::say("Saved, but TADA does not answer as it should. {$error->getMessage()} $error->hint", 'error');
            return;
        }
        $sender = $about['sender'];
        $namespaces = $sender['namespaces'] ?? $about['namespaces'];
        if ($sender['role'] === 'read') {
            self::say("The token \"{$sender['name']}\" may only read. Take one that may write.", 'error');
        } elseif ($about['namespaces'] && !in_array($now('namespace'), $namespaces, true)) {
            self::say('This namespace cannot be used. Possible: ' . implode(', ', $namespaces) . '.', 'error');
        } else {
            self::say("Saved. TADA answers, and knows this site as \"{$sender['name']}\".", 'success');
        }
    }

    private static function say(string $text, string $type): void
    {
        // The options page is not there if the option is written by a program.
        if (function_exists('add_settings_error')) {
            // WordPress shows what is said here as HTML.
            add_settings_error(self::SLUG, 'tada', esc_html($text), $type);
        }
    }

    private static function act(string $action): void
    {
        if (!current_user_can('manage_options')) {
            wp_die(esc_html__('You are not allowed to do this.', 'tada-media'), '', ['response' => 403]);
        }
        check_admin_referer("tada_media_$action");
        $action === 'retry' ? Queue::work(isAsked: true) : Queue::begin($action);
        wp_safe_redirect(self::address());
        exit;
    }

    public static function show(): void
    {
        if (!current_user_can('manage_options')) {
            return;
        }
        echo '<div class="wrap"><h1>', esc_html__('TADA Media', 'tada-media'), '</h1>';
        echo '<form method="post" action="options.php">';
        settings_fields(self::SLUG);
        echo '<table class="form-table" role="presentation">';
        $entry = 'The internal entry, with API_PREFIX. Only this server uses it.';
        self::text('url', 'Address of TADA', 'http://media.internal:3001', $entry);
        self::text('namespace', 'Namespace', 'PROD', 'One that TADA allows, and in which the token may write.');
        self::text('folder', 'Folder', 'wordpress', 'Uploads go below it. Give each site a folder of its own.');
        self::secret('token', 'Token', 'One with the role “write”. Leave it empty if TADA has no tokens.');
        self::secret('signing_key', 'Signing key', 'One of URL_SIGNING_KEYS, if TADA has SIGNED_URLS.');
        self::keepLocal();
        echo '</table>';
        submit_button();
        echo '</form>';
        Status::show();
        echo '</div>';
    }

    /** A button that does something. */
    public static function button(string $action, string $label, string $class = 'secondary'): void
    {
        echo '<form method="post" action="', esc_url(admin_url('admin-post.php')), '" style="display: inline">';
        echo '<input type="hidden" name="action" value="', esc_attr("tada_media_$action"), '">';
        wp_nonce_field("tada_media_$action");
        submit_button($label, $class, 'submit', false, ['id' => "tada-media-$action"]);
        echo '</form> ';
    }

    private static function text(string $name, string $label, string $example, string $help): void
    {
        self::row($name, $label, $help, static function (string $attributes) use ($name, $example): void {
            $value = (string) Settings::get($name);
            echo '<input type="text" class="regular-text code" ', $attributes, ' value="', esc_attr($value);
            echo '" placeholder="', esc_attr($example), '"', disabled(Settings::isFixed($name), true, false), '>';
        });
    }

    private static function secret(string $name, string $label, string $help): void
    {
        self::row($name, $label, $help, static function (string $attributes) use ($name): void {
            $isFixed = Settings::isFixed($name);
            $isSet = Settings::get($name) !== '';
            $hint = $isSet ? 'Set. Enter another one to replace it.' : 'Not set.';
            echo '<input type="password" class="regular-text code" autocomplete="new-password" value="" ', $attributes;
            echo ' placeholder="', esc_attr($hint), '"', disabled($isFixed, true, false), '>';
            if ($isSet && !$isFixed) {
                $field = Settings::OPTION . "[remove_$name]";
                echo ' <label><input type="checkbox" name="', esc_attr($field), '" value="1"> Remove</label>';
            }
        });
    }

    private static function keepLocal(): void
    {
        $help = 'Without them, the disk stays small, but plugins that read files find none, and files have to be '
            . 'brought back before this plugin is removed. Earlier files go when earlier media are uploaded.';
        self::row('keep_local', 'Files on this server', $help, static function (string $attributes): void {
            echo '<label><input type="checkbox" value="1" ', $attributes;
            echo checked(Settings::get('keep_local'), true, false);
            echo disabled(Settings::isFixed('keep_local'), true, false), '> Keep the uploaded files here, too</label>';
        });
    }

    /** @param callable(string): void $field prints it, with these attributes */
    private static function row(string $name, string $label, string $help, callable $field): void
    {
        $id = "tada-media-$name";
        $attributes = sprintf(
            'id="%s" name="%s" aria-describedby="%s"',
            esc_attr($id),
            esc_attr(Settings::OPTION . "[$name]"),
            esc_attr("$id-help"),
        );
        echo '<tr><th scope="row"><label for="', esc_attr($id), '">', esc_html($label), '</label></th><td>';
        $field($attributes);
        $fixed = Settings::isFixed($name) ? ' ' . Settings::CONSTANTS[$name] . ' in wp-config.php says this.' : '';
        echo '<p class="description" id="', esc_attr("$id-help"), '">', esc_html($help . $fixed), '</p></td></tr>';
    }
}
