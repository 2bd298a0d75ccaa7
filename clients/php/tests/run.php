<?php

/** `php tests/run.php`: the tests of this library, without a service. Ends with 1 if one fails. */

declare(strict_types=1);

use Tada\Media\{AddressError, Addresses, Answer, Client, File, Request, Retries, TadaError, Transport};

require __DIR__ . '/../autoload.php';

error_reporting(E_ALL);
set_error_handler(static fn (int $level, string $text) => throw new \ErrorException($text, severity: $level));

$passed = 0;
$failed = [];

function test(string $name, callable $body): void
{
    global $passed, $failed;
    try {
        $body();
        $passed++;
    } catch (\Throwable $error) {
        $failed[] = "$name: {$error->getMessage()} ({$error->getFile()}:{$error->getLine()})";
    }
}

function same(mixed $wanted, mixed $found): void
{
    if ($wanted !== $found) {
        throw new \RuntimeException('wanted ' . var_export($wanted, true) . ', found ' . var_export($found, true));
    }
}

/** @return list<array<string, mixed>> */
function vectors(string $name): array
{
    $folder = getenv('VECTORS') ?: __DIR__ . '/../../vectors';
    return json_decode(file_get_contents("$folder/$name.json"), true, flags: JSON_THROW_ON_ERROR);
}

/** @return array{?string, ?string} an address, or the argument that is at fault */
function made(callable $make): array
{
    try {
        return [$make(), null];
    } catch (AddressError $error) {
        return [null, $error->argument];
    }
}

/** Answers what it is given, in this order, and keeps what it was sent. */
final class Recorded implements Transport
{
    /** @var list<Request> */
    public array $sent = [];
    /** @var list<Answer|TadaError> */
    private array $answers;

    public function __construct(Answer|TadaError ...$answers)
    {
        $this->answers = $answers;
    }

    public function send(Request $request): Answer
    {
        $this->sent[] = $request;
        $answer = array_shift($this->answers);
        $answer ?? throw new \LogicException("unexpected $request->method $request->address");
        return $answer instanceof Answer ? $answer : throw $answer;
    }

    /** @return list<string> */
    public function lines(): array
    {
        return array_map(static fn (Request $sent) => "$sent->method $sent->address", $this->sent);
    }
}

/** @param array<string, mixed> $entry */
function entry(array $entry = []): Answer
{
    $entry += ['uuid' => 'u1', 'version' => 1, 'unique_name' => '/DEV/cat.webp', 'signature' => str_repeat('0', 64)];
    return new Answer(200, [], json_encode(['data' => [$entry], 'errors' => [], 'problems' => []]));
}

function refused(int $status, string $code, string $after = '', string $uuid = ''): Answer
{
    $problem = ['code' => $code, 'message' => 'No.', 'hint' => 'Do this.', 'uuid' => $uuid];
    $headers = ['x-request-id' => 'r1'] + ($after === '' ? [] : ['retry-after' => $after]);
    return new Answer($status, $headers, json_encode(['data' => [], 'errors' => ['No.'], 'problems' => [$problem]]));
}

function lost(bool $sent): TadaError
{
    return new TadaError('No answer.', 'not_reached', sent: $sent);
}

function client(Transport $transport): Client
{
    $retries = new Retries(first: 0.001, longest: 0.001);
    return new Client('http://media.internal:3001/', 'secret', 'DEV', $retries, $transport);
}

function fails(string $code, callable $call): TadaError
{
    try {
        $call();
    } catch (TadaError $error) {
        same($code, $error->errorCode);
        return $error;
    }
    throw new \RuntimeException("no error $code");
}

foreach (vectors('addresses') as $row) {
    test("address: {$row['case']} {$row['name']} " . json_encode($row['wanted']), static fn () => same(
        [$row['address'] ?? null, $row['refused'] ?? null],
        made(static fn () => (new Addresses($row['base']))->url($row['name'], ...$row['wanted'])),
    ));
}
foreach (vectors('forms') as $row) {
    test("form: {$row['case']} {$row['address']}", static fn () => same(
        [$row['form'] ?? null, $row['refused'] ?? null],
        made(static fn () => (new Addresses($row['base']))->canonical($row['address'])),
    ));
}
foreach (vectors('signatures') as $row) {
    test("signature: {$row['case']} {$row['address']}", static fn () => same(
        $row['signed'],
        (new Addresses($row['base'], $row['key'], $row['expires']))->sign($row['address']),
    ));
}

const BASE = 'https://media.example.com/assets/media';
const CAT = [
    'unique_name' => '/DEV/cat.webp', 'original_filename' => 'cat.jpg', 'width' => 1000, 'height' => 500,
    'alt' => '"A" <cat>', 'versioned_url' => BASE . '/full/DEV/cat.webp?v=8378025ad251',
];

test('a number that is none is refused', static function (): void {
    foreach ([NAN, INF, 1e21, -INF, '12px', [], [1, 2, 3], true, new \stdClass()] as $width) {
        same('width', made(static fn () => (new Addresses(BASE))->url('/DEV/cat.webp', width: $width))[1]);
    }
    same('sizes', made(static fn () => (new Addresses(BASE))->url('/DEV/cat.webp', sizes: 5))[1]);
});

test('the uploaded file of an entry has its own extension', static fn () => same(
    BASE . '/original/DEV/cat.jpg',
    (new Addresses(BASE))->url(CAT, original: true),
));

test('a set has nothing larger than the picture', static fn () => same(
    [['width' => 320], ['width' => 480], ['width' => 640], ['width' => 960], ['width' => 1000]],
    Addresses::sizesOf(CAT, Addresses::WIDTHS),
));

test('a set of cuts has nothing larger than the largest cut', static fn () => same(
    [['width' => 320, 'height' => 320], ['width' => 480, 'height' => 480], ['width' => 500, 'height' => 500]],
    Addresses::sizesOf(CAT, Addresses::WIDTHS, ['width' => 100, 'height' => 100]),
));

test('a small picture has one size', static fn () => same(
    [['width' => 40]],
    Addresses::sizesOf(['width' => 40, 'height' => 20] + CAT, Addresses::WIDTHS),
));

test('a picture in a page is escaped, has its place and its version', static function (): void {
    $html = (new Addresses(BASE))->picture(CAT, widths: [500, 2000], sizes: '50vw', quality: 70);
    $at = BASE . '/optimise/%dx0/DEV/cat.webp?quality=70&amp;%sv=8378025ad251';
    $set = static fn (string $format) => sprintf("$at 500w, $at 1000w", 500, $format, 1000, $format);
    same(
        "<picture><source type=\"image/avif\" srcset=\"{$set('format=avif&amp;')}\" sizes=\"50vw\"><img src=\""
        . sprintf($at, 1000, '') . "\" srcset=\"{$set('')}\" sizes=\"50vw\" width=\"1000\" height=\"500\" "
        . 'alt="&quot;A&quot; &lt;cat&gt;" loading="lazy"></picture>',
        $html,
    );
});

test('what is signed in a page is every address', static function (): void {
    $html = (new Addresses(BASE, 'a key of at least 32 characters, kept secret'))->picture(CAT);
    same(substr_count($html, BASE), substr_count($html, 'signature='));
});

test('a pause doubles, heeds Retry-After, and has an end', static function (): void {
    $retries = new Retries(attempts: 4, first: 1, longest: 3, longestAsked: 10);
    $away = new TadaError('', 'unavailable', 503);
    $told = static fn (float $after) => new TadaError('', 'unavailable', 503, retryAfter: $after);
    same([1.0, 2.0, 3.0, null], array_map(static fn ($n) => $retries->pause($n, $away, true, 0.0), [1, 2, 3, 4]));
    same([0.5, 7.0, null], [
        $retries->pause(1, $away, true, 1.0),
        $retries->pause(1, $told(7), true, 0.0),
        $retries->pause(1, $told(11), true, 0.0),
    ]);
    // What may not be done twice: only after an answer that says it was not done, or without a connection.
    same([null, 1.0, 1.0, null, null], array_map(static fn ($error) => $retries->pause(1, $error, false, 0.0), [
        $away,
        new TadaError('', 'rate_limited', 429),
        lost(sent: false),
        lost(sent: true),
        new TadaError('', 'not_found', 404),
    ]));
});

test('an upload that was not read is sent again', static function (): void {
    $service = new Recorded(refused(429, 'rate_limited', '0'), lost(sent: false), entry());
    same('u1', client($service)->upload(File::bytes('x', 'cat.jpg'), ['tags' => ['a', 'b'], 'alt' => 'A cat'])['uuid']);
    same(3, count($service->sent));
    $form = $service->sent[2]->form;
    $found = [$form['tags'], $form['alt'], $form['namespace'], $form['file']->postname];
    same(['["a","b"]', 'A cat', 'DEV', 'cat.jpg'], $found);
    same(['Authorization' => 'Bearer secret'], $service->sent[2]->headers);
});

test('an upload of which the answer is lost is not sent again', static function (): void {
    $service = new Recorded(lost(sent: true));
    fails('not_reached', static fn () => client($service)->upload(File::bytes('x', 'cat.jpg')));
});

test('an upsert sends the same bytes once', static function (): void {
    $service = new Recorded(entry(['alt' => 'A cat']));
    client($service)->upsert(File::bytes('x', 'cat.jpg'), ['alt' => 'A cat'], 'pets');
    same(['POST http://media.internal:3001/file?on_conflict=skip'], $service->lines());
    same('pets', $service->sent[0]->form['destination']);
});

test('an upsert changes the fields of what is there', static function (): void {
    $service = new Recorded(entry(['alt' => 'A dog']), entry(['alt' => 'A cat']));
    same('A cat', client($service)->upsert(File::bytes('x', 'cat.jpg'), ['alt' => 'A cat'])['alt']);
    same('PATCH http://media.internal:3001/catalog/u1', $service->lines()[1]);
});

test('an upsert replaces other bytes', static function (): void {
    $service = new Recorded(refused(400, 'already_exists', uuid: 'u1'), entry(), entry(['version' => 2]));
    same(2, client($service)->upsert(File::bytes('x', 'cat.jpg'))['version']);
    same('PATCH http://media.internal:3001/file/u1', $service->lines()[2]);
});

test('a replacement of which the answer is lost is not done twice', static function (): void {
    $done = entry(['version' => 2, 'signature' => hash('sha256', 'x')]);
    $service = new Recorded(entry(), lost(sent: true), $done);
    same(2, client($service)->replace('u1', File::bytes('x', 'cat.jpg'))['version']);
});

test('a replacement that was not done is done', static function (): void {
    $service = new Recorded(entry(), refused(503, 'unavailable', '0'), entry(), entry(['version' => 2]));
    same(2, client($service)->replace('u1', File::bytes('x', 'cat.jpg'))['version']);
});

test('what is gone is deleted', static function (): void {
    same([true, false], [
        client(new Recorded(entry()))->delete('u1'), client(new Recorded(refused(404, 'not_found')))->delete('u1'),
    ]);
});

test('an error says all that the service says', static function (): void {
    $service = new Recorded(refused(400, 'already_exists', uuid: 'u9'));
    $error = fails('already_exists', static fn () => client($service)->upload(File::bytes('x', 'cat.jpg')));
    same(['No.', 400, 'Do this.', 'r1', 'u9', false], [
        $error->getMessage(), $error->status, $error->hint, $error->requestId, $error->uuid, $error->isPassing(),
    ]);
});

test('a page of something in between is an error', static function (): void {
    fails('http_404', static fn () => client(new Recorded(new Answer(404, [], '<html>')))->about());
    fails('bad_answer', static fn () => client(new Recorded(new Answer(200, [], '<html>')))->about());
});

test('a secret is not in what is shown of its holder', static function (): void {
    ini_set('zend.exception_ignore_args', '0');
    $shown = print_r([client(new Recorded()), new Addresses(BASE, 'secret')], true);
    try {
        new Client('http://media.internal', 'secret', transport: 'wrong');
    } catch (\TypeError $error) {
        $shown .= PHP_VERSION_ID < 80200 ? '' : $error;
    }
    same([true, false], [str_contains($shown, BASE), str_contains($shown, 'secret')]);
});

test('all of a search is found page by page', static function (): void {
    $page = static fn (array $names, ?string $cursor) => new Answer(200, [], json_encode([
        'data' => array_map(static fn ($name) => ['unique_name' => $name], $names), 'cursor' => $cursor,
    ]));
    $service = new Recorded($page(['/a'], 'c1'), $page([], 'c2'), $page(['/b'], null));
    $found = iterator_to_array(client($service)->entries(['tag' => ['x', 'y'], 'expired' => false]), false);
    same(['/a', '/b'], array_column($found, 'unique_name'));
    same('GET http://media.internal:3001/catalog/search?tag=x&tag=y&expired=false&cursor=c2', $service->lines()[2]);
});

test('a file that cannot be read is an error', static function (): void {
    same(false, fails('no_file', static fn () => File::at('/nonexistent'))->isPassing());
});

foreach ($failed as $line) {
    fwrite(STDERR, "failed: $line\n");
}
echo "$passed passed, ", count($failed), " failed\n";
exit($failed ? 1 : 0);
