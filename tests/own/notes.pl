#!/usr/bin/perl
# A small system of somebody else's: notes in a file, sessions by a form and a cookie, ids of its own.
# FORGETS keeps notes in memory only; TWICE does not look at idempotency keys.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Handle;

my ($file, %notes, %by_key, %profile, %session, @order) = ("/srv/notes");
my $next = 1;
sub note {
    my ($id, $key, $user, $text) = @_;
    $notes{$id} = [$key, $user, $text];
    push @order, $id;
    $by_key{$key} = $id if $key ne '';
    $next = $id + 1 if $id >= $next;
}
if (open my $in, '<', $file) {
    while (my $line = <$in>) {
        chomp $line;
        my @f = split /\t/, $line, -1;
        if ($f[0] eq 'note' && @f == 5) { note(@f[1 .. 4]) }
        elsif ($f[0] eq 'me' && @f == 3) { $profile{$f[1]} = $f[2] }
    }
}
open my $out, '>>', $file or die "$file: $!";
sub keep {
    return if $ENV{FORGETS};
    print $out join("\t", @_), "\n";
    $out->flush;
    $out->sync;
}

my $listener = IO::Socket::INET->new(LocalPort => 8080, Listen => 128, ReuseAddr => 1) or die $!;
my $read = '';
vec($read, fileno($listener), 1) = 1;
my %clients;
$SIG{TERM} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';
while (1) {
    my $ready = $read;
    select($ready, undef, undef, undef) > 0 or next;
    if (vec($ready, fileno($listener), 1)) {
        if (my $client = $listener->accept) {
            $client->autoflush(1);
            $clients{fileno $client} = [$client, ''];
            vec($read, fileno($client), 1) = 1;
        }
    }
    for my $fd (keys %clients) {
        next unless vec($ready, $fd, 1);
        my ($client, $buffer) = @{$clients{$fd}};
        my $n = sysread $client, $buffer, 65536, length $buffer;
        if (!$n) { vec($read, $fd, 1) = 0; delete $clients{$fd}; close $client; next }
        while ($buffer =~ /\A(.*?)\r\n\r\n/s) {
            my $head = $1;
            my ($length) = $head =~ /^content-length: *(\d+)/im;
            $length ||= 0;
            last if length($buffer) < length($head) + 4 + $length;
            my $body = substr $buffer, length($head) + 4, $length;
            $buffer = substr $buffer, length($head) + 4 + $length;
            my ($status, $headers, $text) = answer($head, $body);
            print $client "HTTP/1.1 $status X\r\n${headers}Content-Type: application/json\r\nContent-Length: "
                . length($text) . "\r\n\r\n$text";
        }
        $clients{$fd}[1] = $buffer;
    }
}

sub answer {
    my ($head, $body) = @_;
    my ($method, $path) = $head =~ /\A(\S+) (\S+)/;
    my ($cookie) = $head =~ /^cookie:.*?\bsid=(\w+)/im;
    my ($key) = $head =~ /^idempotency-key: *(\S+)/im;
    $key = '' unless defined $key;
    return (200, '', '{"ok":true}') if $path eq '/healthz';
    if ($path eq '/login' && $method eq 'POST') {
        my ($name) = $body =~ /name=(\w+)/;
        return (400, '', '{}') unless defined $name;
        my $sid = sprintf '%s%08x', $name, rand 0xffffffff;
        $session{$sid} = $name;
        return (303, "Set-Cookie: sid=$sid; Path=/; HttpOnly\r\nLocation: /\r\n", '{}');
    }
    my $user = defined $cookie ? $session{$cookie} : undef;
    if ($path eq '/stats') {
        my $n = keys %notes;
        my $m = @order;
        return (200, '', "{\"notes\":$n,\"listed\":$m}");
    }
    return (401, '', '{}') unless defined $user;
    if ($path eq '/notes' && $method eq 'POST') {
        my ($text) = $body =~ /"text":"([^"\t\n]*)"/;
        return (400, '', '{}') unless defined $text;
        my $id = $ENV{TWICE} ? undef : $by_key{$key};
        if (!defined $id) {
            $id = $next;
            keep('note', $id, $key, $user, $text);
            note($id, $key, $user, $text);
        }
        return (201, '', "{\"id\":$id}");
    }
    if ($path =~ m{\A/notes/(\d+)\z} && $method eq 'GET') {
        my $note = $notes{$1} or return (404, '', '{}');
        my $times = grep { $notes{$_}[2] eq $note->[2] } keys %notes;
        return (200, '', "{\"id\":$1,\"text\":\"$note->[2]\",\"times\":$times}");
    }
    if ($path =~ m{\A/notes\?last=(\d+)\z}) {
        my @last = reverse @order[(@order > $1 ? @order - $1 : 0) .. $#order];
        my @items = map { "{\"id\":$_,\"text\":\"$notes{$_}[2]\"}" } @last;
        return (200, '', '{"notes":[' . join(',', @items) . ']}');
    }
    if ($path eq '/me') {
        if ($method eq 'PUT') {
            my ($version) = $body =~ /"v":(\d+)/;
            return (400, '', '{}') unless defined $version;
            return (409, '', '{}') if defined $profile{$user} && $profile{$user} > $version;
            keep('me', $user, $version);
            $profile{$user} = $version;
            return (200, '', '{}');
        }
        return defined $profile{$user} ? (200, '', "{\"v\":$profile{$user}}") : (404, '', '{}');
    }
    return (404, '', '{}');
}
