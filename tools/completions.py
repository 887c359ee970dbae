"""completions: what bash, zsh and fish offer after `sup`, made from the option tables. What a word may be is read off the
tables too: the value's name in an option (FILE, SIGNAL, text|json), the operands in a verb's synopsis.

The ids and names of containers come from `sup ps`, the names of supervisors from the runtime directory, when TAB is pressed."""
import re

# Verbs whose containers need not run.
RESTING = {'rm', 'logs', 'inspect', 'wait', 'start', 'restart', 'update'}
SIGNALS = 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH'.split()


def kind_of(value):
    """What a value is: a list of words, or one of file, dir, signal, user, group, supervisor, containers, event-dest, none."""
    if re.fullmatch(r'[a-z0-9-]+(\|[a-z0-9-]+(:[A-Z]+)?)+', value):
        return [word for word in value.split('|') if ':' not in word]
    base = re.split(r'[\[:|=]', value)[0]
    return {'FILE': 'file', 'DIR': 'dir', 'PATH': 'file', 'SRC': 'file', 'HOST': 'file', 'PROGRAM': 'file', 'SIGNAL': 'signal', 'USER': 'user', 'GROUP': 'group',
            'NAME|PATH': 'supervisor', 'DEST': 'dest', 'LEVEL': ['trace', 'debug', 'info', 'warning', 'error'],
            'POLICY': ['no', 'on-failure', 'always', 'unless-stopped'], 'CLASS': ['idle', 'best-effort', 'realtime'], 'CONTAINER': 'all', 'VERB': 'verb'}.get(value if value == 'NAME|PATH' else base, 'none')


def operand_of(verb):
    """What a verb's operands are: command, running or all containers, file, verb, none."""
    words = re.sub(r'\[OPTIONS\]|\[--\]', '', verb['synopsis'])
    if verb['operands'] == 'command':
        return 'running' if 'CONTAINER' in words else 'command'
    if 'CONTAINER' in words:
        return 'all' if verb['name'] in RESTING else 'running'
    if 'FILE' in words:
        return 'file'
    return 'verb' if 'VERB' in words else 'none'


def names(option):
    return ([f'-{option["letter"]}'] if option['letter'] else []) + ([f'--{option["name"]}'] if option['name'] else [])


HELP = {'letter': None, 'name': 'help', 'value': None, 'help': 'print this and exit', 'default': None}
HEAD = '# Made by tools/manual from the option tables of sup.\n'

# One line an id or a name. The columns are as wide as what is in them: the head says where they begin. A name is ASCII.
LIST = r'''awk 'NR == 1 { n = index($0, "NAME"); s = index($0, "STATUS"); next }
    { print $1; name = substr($0, n, s - n); sub(/ +$/, "", name); if (name != "") print name }' '''


def words_of(kind):
    """A list's words for bash and fish, or None."""
    if isinstance(kind, list):
        return kind
    return {'signal': SIGNALS, 'dest': ['stderr', 'stdout', 'none', 'fd:']}.get(kind)


# --- bash ---

def bash_value(kind):
    words = words_of(kind)
    if kind == 'dest':
        return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$cur")); _sup_files -f'
    if words is not None:
        return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$cur"))'
    return {'file': '_sup_files -f', 'dir': '_sup_files -d', 'user': 'COMPREPLY=($(compgen -u -- "$cur"))', 'group': 'COMPREPLY=($(compgen -g -- "$cur"))',
            'supervisor': '_sup_supervisors',
            'running': '_sup_containers', 'all': '_sup_containers -a', 'verb': 'COMPREPLY=($(compgen -W "$_sup_verbs" -- "$cur"))'}.get(kind, ':')


def bash(tables):
    def flags(options):
        return ' '.join(n for o in options + [HELP] for n in names(o))

    def value_cases(options):
        by = {}
        for o in options:
            if o['value']:
                by.setdefault(bash_value(kind_of(o['value'])), []).extend(names(o))
        return ''.join(f'        {"|".join(n)}) {do} ;;\n' for do, n in by.items())

    def with_value(options):
        return '|'.join(n for o in options if o['value'] for n in names(o))
    out = HEAD.replace('# ', '# bash completion for sup(1). ', 1)
    out += f'_sup_verbs="{" ".join(v["name"] for v in tables["verbs"])}"\n\n'
    out += r'''_sup_containers() {
  local found
  # Another supervisor that was named on this line is asked, and no other.
  found=$("${_sup_program[@]}" ps "$@" 2>/dev/null | ''' + LIST + r''')
  COMPREPLY=($(compgen -W "$found" -- "$cur"))
}

_sup_supervisors() {
  local dir=${SUP_RUNTIME_DIR:-} socket found=
  [[ -n $dir ]] || { (( EUID == 0 )) && dir=/run/sup || dir=${XDG_RUNTIME_DIR:-/nonexistent}/sup; }
  for socket in "$dir"/*.sock; do
    [[ -S $socket ]] && { socket=${socket##*/}; found+=" ${socket%.sock}"; }
  done
  COMPREPLY=($(compgen -W "$found" -- "$cur"))
}

_sup_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\n'
  COMPREPLY+=($(compgen "$1" -- "$cur"))
}

# What follows the words of sup is another program's line.
_sup_command() {
  local offset=$1
  if declare -F _command_offset >/dev/null; then
    _command_offset "$offset"
    kept= option_is=
  elif (( COMP_CWORD == offset )); then
    COMPREPLY=($(compgen -c -- "$cur"))
    [[ $cur != */* ]] || _sup_files -f
  else
    _sup_files -f
  fi
}

_sup_value() {  # VERB OPTION: 0 where the option has a value, which is offered
  case $1 in
    '') case $2 in
''' + value_cases(tables['options']) + '''        *) return 1 ;;
      esac ;;
'''
    for v in tables['verbs']:
        cases = value_cases(v['options'])
        if cases:
            out += f'    {v["name"]}) case $2 in\n{cases}        *) return 1 ;;\n      esac ;;\n'
    out += '''    *) return 1 ;;
  esac
}

# Which options of a verb have a value.
_sup_has_value() {
  case $1 in
'''
    for name, options in [("''", tables['options'])] + [(v['name'], v['options']) for v in tables['verbs']]:
        pattern = with_value(options)
        if pattern:
            out += f'    {name}) case $2 in {pattern}) return 0 ;; esac ;;\n'
    out += '''  esac
  return 1
}

# VERB WORD: 0 where the next word is the value of an option in this one, -i and -tiu alike: of $option.
_sup_takes() {
  local letters=${2#-}
  option=$2
  if [[ $2 == --* ]]; then
    _sup_has_value "$1" "$2"
    return
  fi
  while [[ -n $letters ]]; do
    option=-${letters:0:1} letters=${letters:1}
    if _sup_has_value "$1" "$option"; then
      [[ -z $letters ]]
      return
    fi
  done
  return 1
}

# The words as sup will get them, and where in COMP_WORDS each begins: readline breaks them at = and : as well.
_sup_words() {
  local line=$COMP_LINE word i
  for (( i = 0; i <= COMP_CWORD; i++ )); do
    word=${COMP_WORDS[i]}
    if (( i > 0 )) && [[ $line != [[:blank:]]* && -n $line ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word") at+=("$i")
    fi
    line=${line#"${line%%[![:blank:]]*}"}
    line=${line#"$word"}
  done
}

_sup() {
  local cur kept option option_is= i
  local -a words=() at=() _sup_program=("${COMP_WORDS[0]}")
  COMPREPLY=()
  _sup_words
  cur=${words[${#words[@]} - 1]}
  # What readline keeps of the current word: it replaces what comes after the last = or : alone.
  kept=$cur
  [[ ${COMP_WORDS[COMP_CWORD]} == [=:] ]] || kept=${cur%"${COMP_WORDS[COMP_CWORD]}"}
  _sup_offer
  [[ -n $kept ]] || return 0
  for i in "${!COMPREPLY[@]}"; do
    COMPREPLY[i]=$option_is${COMPREPLY[i]}
    COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
  done
}

_sup_offer() {
  local verb= word i operands=0 first=0 ended=0 last=$(( ${#words[@]} - 1 ))
  for (( i = 1; i < last; i++ )); do
    word=${words[i]}
    if (( ended )); then
      (( operands++ )) || first=${at[i]}
    elif [[ $word == -- ]]; then
      ended=1
    elif [[ $word == --*=* ]]; then
      [[ -z $verb && $word == --supervisor=* ]] && _sup_program+=(-S "${word#*=}")
    elif [[ $word == -* ]]; then
      if _sup_takes "$verb" "$word"; then
        (( ++i < last )) || { _sup_value "$verb" "$option"; return; }
        [[ -z $verb && ( $option == -S || $option == --supervisor ) ]] && _sup_program+=(-S "${words[i]}")
      fi
    elif [[ -z $verb ]]; then
      verb=$word
    else
      (( operands++ )) || first=${at[i]}
      case $verb in
        ''' + ('|'.join(v['name'] for v in tables['verbs'] if v['operands'] == 'command') or "''") + ''') ended=1 ;;
      esac
    fi
  done
  if [[ $cur == --*=* ]] && (( ! ended )); then
    option_is=${cur%%=*}= cur=${cur#*=}
    _sup_value "$verb" "${option_is%=}"
    return
  fi
  if [[ -z $verb ]]; then
    if [[ $cur == -* ]]; then
      COMPREPLY=($(compgen -W "''' + flags(tables['options']) + '''" -- "$cur"))
    else
      COMPREPLY=($(compgen -W "$_sup_verbs" -- "$cur"))
    fi
    return
  fi
  if [[ $cur == -* ]] && (( ! ended )); then
    case $verb in
'''
    for v in tables['verbs']:
        out += f'      {v["name"]}) COMPREPLY=($(compgen -W "{flags(v["options"])}" -- "$cur")) ;;\n'
    out += '''    esac
    return
  fi
  case $verb in
'''
    for v in tables['verbs']:
        kind = operand_of(v)
        if kind == 'command':
            do = '_sup_command "$(( operands ? first : COMP_CWORD ))"'
        elif v['operands'] == 'command':  # CONTAINER COMMAND
            do = 'if (( operands )); then _sup_command "$(( operands > 1 ? first + 1 : COMP_CWORD ))"; else _sup_containers; fi'
        else:
            do = bash_value(kind)
        if do != ':':
            out += f'    {v["name"]}) {do} ;;\n'
    return out + '''  esac
}

complete -F _sup sup
'''


# --- zsh ---

def zsh_quote(text):
    return text.replace('\\', '\\\\').replace('[', '\\[').replace(']', '\\]').replace("'", "'\\''").replace(':', '\\:')


def zsh_action(kind):
    words = words_of(kind)
    if kind == 'dest':
        return '_sup_dest'
    if words is not None:
        return '(' + ' '.join(words) + ')'
    return {'file': '_files', 'dir': '_files -/', 'user': '_users', 'group': '_groups', 'supervisor': '_sup_supervisors', 'running': '_sup_running', 'all': '_sup_all',
            'verb': '_sup_verbs'}.get(kind, ' ')


def zsh_specs(options):
    specs = []
    for o in options + [HELP]:
        text = f'[{zsh_quote(o["help"])}]'
        value = f':{zsh_quote(o["value"].lower())}:{zsh_action(kind_of(o["value"]))}' if o['value'] else ''
        if o['letter'] and o['name']:
            one = f"'*'{{-{o['letter']},--{o['name']}{'=' if value else ''}}}'{text}{value}'"
        else:
            name = names(o)[0]
            one = f"'*{name}{'=' if value and name.startswith('--') else ''}{text}{value}'"
        specs.append(one)
    return specs


def zsh(tables):
    out = '#compdef sup\n' + HEAD + '''
_sup_program() {
  local -a found
  # Only the supervisor that the line names is asked.
  found=(sup)
  [[ -n $supervisor ]] && found+=(-S "$supervisor")
  "${found[@]}" ps "$@" 2>/dev/null | ''' + LIST + '''
}

_sup_running() { local -a found; found=(${(f)"$(_sup_program)"}); compadd -a found }
_sup_all() { local -a found; found=(${(f)"$(_sup_program -a)"}); compadd -a found }
_sup_dest() { compadd stderr stdout none; compadd -S '' fd:; _files }

_sup_supervisors() {
  local dir=${SUP_RUNTIME_DIR:-}
  [[ -n $dir ]] || { (( EUID == 0 )) && dir=/run/sup || dir=${XDG_RUNTIME_DIR:-/nonexistent}/sup }
  local -a found
  found=($dir/*.sock(N=:t:r))
  compadd -a found
}

_sup_verbs() {
  local -a found
  found=(
'''
    for v in tables['verbs']:
        out += f"    '{v['name']}:{zsh_quote(v['summary'])}'\n"
    out += '''  )
  _describe verb found
}

_sup() {
  local curcontext=$curcontext state line supervisor ret=1
  local -A opt_args
  _arguments -C -s -S -A '-*' \\
'''
    out += ''.join(f'    {s} \\\n' for s in zsh_specs(tables['options']))
    out += '''    '1:verb:_sup_verbs' '*::arguments:->verb' && ret=0
  [[ $state == verb ]] || return ret
  supervisor=${opt_args[-S]:-${opt_args[--supervisor]:-}}
  case $words[1] in
'''
    for v in tables['verbs']:
        kind = operand_of(v)
        out += f'    {v["name"]})\n      _arguments -s -S' + (" -A '-*'" if v['operands'] == 'command' else '') + ' \\\n'
        out += ''.join(f'        {s} \\\n' for s in zsh_specs(v['options']))
        if kind == 'command':
            out += "        '(-)1:command: _command_names -e' '*::arguments:_normal' && ret=0\n"
        elif v['operands'] == 'command':
            out += "        '1:container:_sup_running' '(-)2:command: _command_names -e' '*::arguments:_normal' && ret=0\n"
        elif kind == 'none':
            out += '        && ret=0\n'
        else:
            out += f"        '*:{kind}:{zsh_action(kind)}' && ret=0\n"
        out += '      ;;\n'
    return out + '''  esac
  return ret
}

_sup "$@"
'''


# --- fish ---

def fish_quote(text):
    return "'" + text.replace('\\', '\\\\').replace("'", "\\'") + "'"


def fish_value(kind):
    words = words_of(kind)
    if kind == 'dest':
        return ' -r -F -a ' + fish_quote(' '.join(words))
    if words is not None:
        return ' -x -a ' + fish_quote(' '.join(words))
    return {'file': ' -r -F', 'dir': ' -x -a "(__fish_complete_directories)"', 'user': ' -x -a "(__fish_complete_users)"', 'group': ' -x -a "(__fish_complete_groups)"',
            'supervisor': ' -x -a "(__sup_supervisors)"', 'running': ' -x -a "(__sup_containers)"', 'all': ' -x -a "(__sup_containers -a)"'}.get(kind, ' -x')


def fish(tables):
    takes = [n for o in tables['options'] if o['value'] for n in names(o)]
    out = HEAD.replace('# ', '# fish completion for sup(1). ', 1) + '''
# The verb of this line; fails where there is none yet.
function __sup_verb
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case ''' + ' '.join(takes) + '''
                set -e words[1]
            case '-*'
            case '*'
                echo $words[1]
                return 0
        end
        set -e words[1]
    end
    return 1
end

function __sup_is
    test (__sup_verb; or echo none) = $argv[1]
end

function __sup_containers
    set -l words (commandline -opc)
    set -l which
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -S --supervisor
            set which -S $words[(math $i + 1)]
        end
    end
    sup $which ps $argv 2>/dev/null | ''' + LIST.replace('\n', '\n    ') + '''
end

function __sup_supervisors
    set -l dir $SUP_RUNTIME_DIR
    if test -z "$dir"
        if test (id -u) = 0
            set dir /run/sup
        else
            set dir $XDG_RUNTIME_DIR/sup
        end
    end
    for socket in $dir/*.sock
        string replace -r '.*/(.*)\\.sock$' '$1' $socket
    end
end

complete -c sup -f
'''

    def line(condition, o):
        text = f'complete -c sup -n {fish_quote(condition)}'
        if o['letter']:
            text += f' -s {o["letter"]}'
        if o['name']:
            text += f' -l {o["name"]}'
        if o['value']:
            text += fish_value(kind_of(o['value']))
        return text + f' -d {fish_quote(o["help"])}\n'
    for o in tables['options'] + [HELP]:
        out += line('not __sup_verb', o)
    for v in tables['verbs']:
        out += f'complete -c sup -n {fish_quote("not __sup_verb")} -a {v["name"]} -d {fish_quote(v["summary"])}\n'
    for v in tables['verbs']:
        condition = f'__sup_is {v["name"]}'
        for o in v['options'] + [HELP]:
            out += line(condition, o)
        kind = operand_of(v)
        if kind == 'command':
            with_values = ' '.join(takes + [n for o in v['options'] if o['value'] for n in names(o)])
            out += f'complete -c sup -n {fish_quote(condition)} -x -a "(__fish_complete_subcommand --fcs-skip=2 -- {with_values})"\n'
        elif v['operands'] == 'command':  # CONTAINER COMMAND
            with_values = ' '.join(takes + [n for o in v['options'] if o['value'] for n in names(o)])
            out += f'complete -c sup -n {fish_quote(condition)} -x -a "(__sup_containers; __fish_complete_subcommand --fcs-skip=3 -- {with_values})"\n'
        elif kind == 'verb':
            out += f'complete -c sup -n {fish_quote(condition)} -x -a {fish_quote(" ".join(w["name"] for w in tables["verbs"]))}\n'
        elif kind != 'none':
            out += f'complete -c sup -n {fish_quote(condition)}{fish_value(kind)}\n'
    return out


def all_of(tables):
    return [('bash', 'sup', bash(tables)), ('zsh', '_sup', zsh(tables)), ('fish', 'sup.fish', fish(tables))]
