// Looks: what may be printed for eyes. Colours and cut lines are for a terminal alone; a file or a pipe gets everything, plain.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sup {

// A terminal on which a line can be written over: not a dumb one.
[[nodiscard]] bool can_write_over(int fd);

// May fd get colours? Only a terminal that is not dumb, and not with $NO_COLOR (no-color.org: set, and not empty).
[[nodiscard]] bool colours(int fd);

// How wide a line on fd may be; 0 where it is no terminal, or one that does not say: as wide as it likes.
[[nodiscard]] std::size_t columns(int fd);

// The longest beginning of at most `most` characters; ">" at its end says that there was more, in every locale.
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);

// Rows of cells as text, in columns two blanks apart; the last cell of a row is cut where the terminal ends (columns, 0: never).
// The cells are printable() already; each character counts as one column. Every row has as many cells as the first.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t columns);

// Words wrapped at `columns` (0: not at all), the first line after `first` columns of other text, the others after `indent` blanks.
[[nodiscard]] std::string wrap(const std::string& text, std::size_t first, std::size_t indent, std::size_t columns);

}  // namespace sup
